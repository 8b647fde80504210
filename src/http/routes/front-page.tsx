import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { currentSession } from '../../protocol/logout.ts'
import { allowPage } from '../security-headers.ts'
import type { HttpTools } from '../tools.ts'
import { IndexPage } from '../views/index.tsx'
import { renderPage } from '../views/render.ts'

const documents = [
  { name: 'OpenID Connect discovery', path: '/.well-known/openid-configuration' },
  { name: 'OAuth 2.0 metadata', path: '/.well-known/oauth-authorization-server' },
  { name: 'Signing keys', path: '/.well-known/jwks.json' },
  { name: 'Not-before', path: '/not-before' },
]

const css = 'text/css; charset=utf-8'
const assets = { 'style.css': css, 'console.css': css, 'icon.svg': 'image/svg+xml' }

/** GET / for people who follow the issuer's address, and the files that the pages need. */
export function frontPageRoutes(app: FastifyInstance, tools: HttpTools, development: boolean): void {
  const endpoints = documents.map((document) => ({ ...document, href: tools.issuer + document.path }))
  const page = (username?: string) =>
    renderPage(<IndexPage issuer={tools.issuer} endpoints={endpoints} development={development} username={username} />)
  const forAnybody = page()
  app.get('/', { exposeHeadRoute: true }, async (request, reply) => {
    const cookie = tools.cookies.readSession(request)
    const session = cookie && (await currentSession(cookie, tools))
    allowPage(reply)
    return reply.send(session ? page(session.username) : forAnybody)
  })
  for (const [name, type] of Object.entries(assets)) {
    const content = readFileSync(new URL(`../views/${name}`, import.meta.url))
    app.get(`/assets/${name}`, (_request, reply) =>
      reply.header('cache-control', 'public, max-age=3600').type(type).send(content),
    )
  }
}
