import { lookup as resolve } from 'node:dns'
import { isIP, type LookupFunction } from 'node:net'
import type { AddressFilter } from './address-filter.ts'

/** What came of a request to somebody else's server: its status, or why there is none. Never what it said. */
export type PostOutcome = { readonly status: number } | { readonly error: string }

export interface OutboundPost {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

/** Sends a request and reads nothing but the status. */
export type Post = (post: OutboundPost) => Promise<PostOutcome>

const timeoutMs = 10_000
const connectMs = 5000

/**
 * A request to an address that someone else chose (OWASP SSRF): only https, or http to what the operator allowed; only public addresses, judged
 * after the name is resolved and at the very connection, so that no second answer of the DNS can change it; no redirects; no answer is kept.
 */
export function createPost(filter: AddressFilter): Post {
  return async ({ url, headers, body }) => {
    const target = new URL(url)
    const problem = problemWith(target, filter)
    if (problem !== undefined) return { error: problem }
    const { Agent, request } = await import('undici') // few servers have anybody to send to
    const lookup = filter.allowsHost(target.hostname, portOf(target)) ? undefined : filteredLookup(filter)
    const connect = { timeout: connectMs, ...(lookup && { lookup }) }
    const agent = new Agent({ connect, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, maxResponseSize: 65_536 })
    try {
      const signal = AbortSignal.timeout(timeoutMs)
      const answer = await request(target, { method: 'POST', headers, body, dispatcher: agent, signal })
      await answer.body.dump().catch(() => {}) // the status has been said
      return { status: answer.statusCode }
    } catch (error) {
      return { error: describe(error) }
    } finally {
      await agent.destroy()
    }
  }
}

const portOf = (target: URL) => Number(target.port || (target.protocol === 'https:' ? 443 : 80))

/** An address in the URL itself is never looked up, so it is judged here. */
function problemWith(target: URL, filter: AddressFilter): string | undefined {
  if (filter.allowsHost(target.hostname, portOf(target))) return undefined
  const host = target.hostname.replace(/^\[|\]$/g, '')
  if (isIP(host) !== 0 && !filter.allowsAddress(host)) return 'forbidden_address'
  return target.protocol === 'https:' ? undefined : 'https_required'
}

class ForbiddenAddress extends Error {}

function filteredLookup(filter: AddressFilter): LookupFunction {
  return (hostname, options, callback) => {
    resolve(hostname, { ...options, all: true }, (error, found) => {
      if (error) return callback(error, '', 0)
      const allowed = found.filter(({ address }) => filter.allowsAddress(address))
      const [first] = allowed
      if (!first) return callback(new ForbiddenAddress(), '', 0)
      if (options.all === true) return callback(null, allowed)
      return callback(null, first.address, first.family)
    })
  }
}

/** A short stable word: what another server, or its DNS, says could be anything. */
function describe(error: unknown): string {
  if (error instanceof ForbiddenAddress) return 'forbidden_address'
  const { name, code, cause } = error as { name?: string; code?: unknown; cause?: unknown }
  if (cause instanceof ForbiddenAddress) return 'forbidden_address'
  if (name === 'TimeoutError' || /TIMEOUT/.test(String(code))) return 'timeout'
  return typeof code === 'string' && /^[A-Z_]{3,40}$/.test(code) ? code.toLowerCase() : 'connection_failed'
}
