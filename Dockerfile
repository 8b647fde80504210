# syntax=docker/dockerfile:1

FROM node:24-slim AS build
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/verifier/package.json ./packages/verifier/
RUN npm ci --ignore-scripts
COPY tsconfig.json tsconfig.build.json ./
COPY scripts ./scripts
COPY packages ./packages
COPY src ./src
RUN npm run build

# Without the optional packages there is no embedded PostgreSQL: a container needs DATABASE_URL.
FROM node:24-slim AS dependencies
WORKDIR /app
COPY package.json package-lock.json .npmrc ./
COPY packages/verifier/package.json ./packages/verifier/
RUN npm ci --omit=dev --omit=optional --ignore-scripts

FROM node:24-slim
# Password hashing shares libuv's threads with DNS and files; with the default of four, a few logins stop both.
ENV NODE_ENV=production \
    HOST=0.0.0.0 \
    PORT=3000 \
    UV_THREADPOOL_SIZE=8
WORKDIR /app
COPY --from=dependencies /app/node_modules ./node_modules
COPY --from=build /app/dist ./dist
COPY --from=build /app/packages/verifier/dist ./packages/verifier/dist
COPY packages/verifier/package.json ./packages/verifier/
COPY package.json ./
COPY bin ./bin
COPY migrations ./migrations
# A number, so that a platform which forbids root can see that this is not root. The files stay root's: read-only here.
USER 10001:10001
EXPOSE 3000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s --retries=3 \
  CMD ["node", "-e", "fetch(`http://127.0.0.1:${process.env.PORT}/readyz`).then((answer) => process.exit(answer.ok ? 0 : 1), () => process.exit(1))"]
CMD ["node", "dist/packed/main.js"]
