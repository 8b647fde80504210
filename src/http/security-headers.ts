import type { FastifyInstance, FastifyReply } from 'fastify'
import { sha256 } from '../crypto/hash.ts'
import { formPostScript } from './views/form-post.tsx'
import { setupScript } from './views/setup.tsx'

const hashOf = (script: string) => `'sha256-${sha256(script).toString('base64')}'`

/** The only scripts of any page, each with the policy that allows it alone. */
const scripts = { formPost: hashOf(formPostScript), setup: hashOf(setupScript) }

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
  options: { formTargets?: readonly string[]; script?: keyof typeof scripts } = {},
): void {
  const targets = ["'self'", ...(options.formTargets ?? [])]
  const script = options.script ? `; script-src ${scripts[options.script]}` : ''
  reply.header(
    'content-security-policy',
    `default-src 'none'; style-src 'self'; img-src 'self' https:; form-action ${targets.join(' ')}; base-uri 'none'; frame-ancestors 'none'${script}`,
  )
  reply.header('cache-control', 'no-store')
  reply.type('text/html; charset=utf-8')
}
