import type { FastifyReply, FastifyRequest } from 'fastify'
import { sha256 } from '../crypto/hash.ts'
import { parseUuid } from '../domain/uuid.ts'

/** The only place where a cookie is named, written or read. */
export interface Cookies {
  /** The session that the browser claims to have. */
  readSession(request: FastifyRequest): { id: string; secretHash: Buffer } | undefined
  /** With an age, a browser that is closed keeps the cookie; whether the session lives is for the server to say. */
  writeSession(reply: FastifyReply, session: { sessionId: string; secret: string; maxAgeSeconds: number | null }): void
  clearSession(reply: FastifyReply): void
  /** The browser's half of a login transaction. */
  readBinding(request: FastifyRequest, handle: string): string | undefined
  writeBinding(
    request: FastifyRequest,
    reply: FastifyReply,
    key: { handle: string; binding: string },
    maxAgeSeconds: number,
  ): void
}

/** One browser may have this many logins open at once; the oldest cookie goes first. */
const openLogins = 16
const secretPattern = /^[A-Za-z0-9_-]{43}$/
const bindingPattern = /^[A-Za-z0-9_-]{22}$/
const handlePattern = /^[A-Za-z0-9_-]{43}$/

/**
 * `__Host-` cookies: only over TLS, only for this host, from no subdomain (RFC 6265bis §4.1.3.2). An issuer on plain loopback http, for
 * development, cannot have them; there the names carry the port, because cookies are shared between the ports of a host.
 */
export function createCookies(issuer: string): Cookies {
  const { protocol, port } = new URL(issuer)
  const isSecure = protocol === 'https:'
  const prefix = isSecure ? '__Host-' : ''
  const suffix = isSecure ? '' : `-${port || '80'}`
  const sessionName = `${prefix}sso${suffix}`
  const bindingPrefix = `${prefix}tx${suffix}-`
  // A cookie per transaction: one for all would be overwritten when two tabs begin at once. Named by random characters of the handle.
  const bindingName = (handle: string) => `${bindingPrefix}${handle.slice(0, 8)}`
  const write = (reply: FastifyReply, name: string, value: string, maxAge?: number): void => {
    void reply.setCookie(name, value, {
      path: '/',
      httpOnly: true,
      sameSite: 'lax',
      secure: isSecure,
      ...(maxAge === undefined ? {} : { maxAge }),
    })
  }

  return {
    readSession: (request) => {
      const value = onlyCookie(request, sessionName)
      if (value === undefined) return undefined
      const [id, secret = ''] = value.split('.')
      const uuid = parseUuid(id)
      if (uuid === undefined || !secretPattern.test(secret)) return undefined
      return { id: uuid, secretHash: sha256(secret) }
    },
    writeSession: (reply, { sessionId, secret, maxAgeSeconds }) =>
      write(reply, sessionName, `${sessionId}.${secret}`, maxAgeSeconds ?? undefined),
    clearSession: (reply) => write(reply, sessionName, '', 0),
    readBinding: (request, handle) => {
      if (!handlePattern.test(handle)) return undefined
      const value = onlyCookie(request, bindingName(handle))
      return value !== undefined && bindingPattern.test(value) ? value : undefined
    },
    writeBinding: (request, reply, { handle, binding }, maxAgeSeconds) => {
      const open = cookieNames(request).filter((name) => name.startsWith(bindingPrefix))
      for (const name of open.slice(0, Math.max(0, open.length - openLogins + 1))) write(reply, name, '', 0)
      write(reply, bindingName(handle), binding, maxAgeSeconds)
    },
  }
}

const pairs = (request: FastifyRequest): [string, string][] =>
  (request.headers.cookie ?? '').split(';').flatMap((pair) => {
    const at = pair.indexOf('=')
    return at < 1 ? [] : [[pair.slice(0, at).trim(), pair.slice(at + 1).trim()] as [string, string]]
  })

const cookieNames = (request: FastifyRequest): string[] => pairs(request).map(([name]) => name)

/** Two cookies of one name: someone planted one, and nobody can tell which. Neither counts. */
function onlyCookie(request: FastifyRequest, name: string): string | undefined {
  const values = pairs(request).filter((pair) => pair[0] === name)
  return values.length === 1 ? values[0]?.[1] : undefined
}
