import { isIP } from 'node:net'
import { splitList } from './setting.ts'

/** What is wrong with it, as the rest of \"NAME …\", or undefined. */
export function checkIssuer(issuer: URL, given: string): string | undefined {
  const isLoopback = ['localhost', '127.0.0.1', '[::1]'].includes(issuer.hostname)
  if (issuer.protocol !== 'https:' && !(issuer.protocol === 'http:' && isLoopback))
    return 'must be an https URL (http only on localhost, 127.0.0.1 or [::1])'
  if (issuer.username !== '' || issuer.password !== '') return 'must not contain a user name or a password'
  if (/[?#]/.test(given)) return 'must have neither a query nor a fragment (RFC 8414 §2)'
  if (issuer.pathname !== '/') return 'must not have a path: give Falconer a host name of its own'
  if (given.endsWith('/')) return 'must not end with a slash'
  // Clients compare issuers character by character (RFC 8414 §3.3), so there is one spelling.
  return given === issuer.origin ? undefined : `must be written as ${issuer.origin}`
}

/** What is wrong with it, as the rest of \"NAME …\", or undefined. */
export function checkProxy(given: string): string | undefined {
  const [address = '', prefix, ...rest] = given.split('/')
  const bits = isIP(address) === 4 ? 32 : 128
  // A range of /0 would let everyone choose the address that the limits count.
  const isRange = prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) >= 1 && Number(prefix) <= bits)
  return isIP(address) !== 0 && isRange && rest.length === 0
    ? undefined
    : 'must be false, or addresses and CIDR ranges between commas (from /1)'
}

/** What is wrong with it, as the rest of \"NAME …\", or undefined. */
export function checkOutbound(given: string): string | undefined {
  const isHost = /^(\[[0-9a-f:.]+\]|[a-z0-9.-]+):\d{1,5}$/i.test(given)
  const [address = '', prefix = ''] = given.split('/')
  const bits = isIP(address) === 4 ? 32 : 128
  const isRange = isIP(address) !== 0 && /^\d{1,3}$/.test(prefix) && Number(prefix) <= bits
  return isHost || isRange ? undefined : 'must be none, or host:port and CIDR ranges between commas'
}

/** What is wrong with it, as the rest of \"NAME …\", or undefined. */
export function checkDatabaseUrl(given: string): string | undefined {
  const isPostgres = URL.canParse(given) && ['postgres:', 'postgresql:'].includes(new URL(given).protocol)
  return isPostgres ? undefined : 'must be a postgresql:// URL'
}

/** What is wrong with a list of master keys, or undefined; never quotes it. */
export function checkMasterKeys(given: string): string | undefined {
  const all = splitList(given)
  const isKey = (key: string) => /^[\w-]{43}$/.test(key) && Buffer.from(key, 'base64url').toString('base64url') === key
  if (!all.every(isKey)) return 'must be base64url keys of 32 bytes (43 characters) each, between commas'
  return new Set(all).size === all.length ? undefined : 'must not contain a key twice'
}
