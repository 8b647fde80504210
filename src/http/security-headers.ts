import type { FastifyInstance, FastifyReply } from 'fastify'
import { sha256 } from '../crypto/hash.ts'
import { formPostScript } from './views/form-post.tsx'

const formPostHash = `'sha256-${sha256(formPostScript).toString('base64')}'`

/** What every answer carries; pages get their policy on top. */
export function addSecurityHeaders(app: FastifyInstance, isHttps: boolean): void {
  app.addHook('onRequest', (_request, reply, done) => {
    writeSecurityHeaders(reply, isHttps)
    done()
  })
}

/** The same for an answer that no hook reaches. */
export function writeSecurityHeaders(reply: FastifyReply, isHttps: boolean): void {
  reply.header('x-content-type-options', 'nosniff')
  reply.header('referrer-policy', 'same-origin') // with no-referrer a form POST would say `Origin: null`
  reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
  reply.header('x-frame-options', 'DENY')
  if (isHttps) reply.header('strict-transport-security', 'max-age=31536000')
}

/**
 * The policy of one page. `form-action` names the places that a form may lead to, redirects included (`formTargetsOf`).
 */
export function allowPage(
  reply: FastifyReply,
  options: { formTargets?: readonly string[]; submitsItself?: boolean } = {},
): void {
  const targets = ["'self'", ...(options.formTargets ?? [])]
  const scripts = options.submitsItself ? `; script-src ${formPostHash}` : ''
  reply.header(
    'content-security-policy',
    `default-src 'none'; style-src 'self'; img-src 'self' https:; form-action ${targets.join(' ')}; base-uri 'none'; frame-ancestors 'none'${scripts}`,
  )
  reply.header('cache-control', 'no-store')
  reply.type('text/html; charset=utf-8')
}
