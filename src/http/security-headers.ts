import type { FastifyInstance, FastifyReply } from 'fastify'
import { sha256 } from '../crypto/hash.ts'
import { originOf } from '../domain/redirect-uri.ts'
import { formPostScript } from './views/form-post.tsx'

const formPostHash = `'sha256-${sha256(formPostScript).toString('base64')}'`

/** What every answer carries; pages get their policy on top. */
export function addSecurityHeaders(app: FastifyInstance, isHttps: boolean): void {
  app.addHook('onRequest', async (_request, reply) => {
    reply.header('x-content-type-options', 'nosniff')
    reply.header('referrer-policy', 'same-origin') // with no-referrer a form POST would say `Origin: null`
    reply.header('content-security-policy', "default-src 'none'; frame-ancestors 'none'")
    reply.header('x-frame-options', 'DENY')
    if (isHttps) reply.header('strict-transport-security', 'max-age=31536000')
  })
}

/**
 * The policy of one page. `form-action` names the place that a form may lead to: Chromium applies it to the redirect after the POST too, so
 * without the client's origin a login would silently go nowhere.
 */
export function allowPage(
  reply: FastifyReply,
  options: { formTarget?: string | undefined; submitsItself?: boolean } = {},
): void {
  const targets = ["'self'", ...(options.formTarget === undefined ? [] : [originOf(options.formTarget)])]
  const scripts = options.submitsItself ? `; script-src ${formPostHash}` : ''
  reply.header(
    'content-security-policy',
    `default-src 'none'; style-src 'self'; img-src 'self' https:; form-action ${targets.join(' ')}; base-uri 'none'; frame-ancestors 'none'${scripts}`,
  )
  reply.header('cache-control', 'no-store')
  reply.type('text/html; charset=utf-8')
}
