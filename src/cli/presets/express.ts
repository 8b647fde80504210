import { randomSecret } from '../../crypto/opaque-token.ts'
import { firstOf, lines, literal, originsOf, type Preset } from './preset.ts'

/** An Express application with express-openid-connect, which reads these names by itself. */
export const express: Preset = {
  defaultRedirect: 'http://localhost:5000/callback',
  envFile: '.env',
  metadata: (redirectUris) => ({
    redirect_uris: redirectUris,
    post_logout_redirect_uris: originsOf(redirectUris),
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'client_secret_basic',
  }),
  names: ['ISSUER_BASE_URL', 'BASE_URL', 'CLIENT_ID', 'CLIENT_SECRET', 'SECRET'],
  values: ({ issuer, clientId, clientSecret = '', redirectUris }) => ({
    ISSUER_BASE_URL: issuer,
    BASE_URL: firstOf(redirectUris).origin,
    CLIENT_ID: clientId,
    CLIENT_SECRET: clientSecret,
    SECRET: randomSecret(), // of the cookies
  }),
  snippets: ({ redirectUris, envFile }) => {
    const { pathname, port } = firstOf(redirectUris)
    return [
      {
        file: 'app.mjs',
        how: `npm install express express-openid-connect && node --env-file=${envFile} app.mjs`,
        code: lines(
          `import express from 'express'`,
          `import openid from 'express-openid-connect'`,
          '',
          'const app = express()',
          '// In an app that you have already, this and the import of openid are all:',
          'app.use(openid.auth({',
          `  authorizationParams: { response_type: 'code', scope: 'openid profile email' },`,
          '  idpLogout: true, // /logout ends the session at the server too',
          pathname === '/callback' ? null : `  routes: { callback: ${literal(pathname)} },`,
          '}))',
          '',
          `app.get('/', async (request, response) => {`,
          '  const { name, sub } = await request.oidc.fetchUserInfo()',
          `  response.type('text').send(\`Hello \${name ?? sub}\`)`,
          '})',
          `app.listen(${port || '5000'})`,
        ),
      },
    ]
  },
}
