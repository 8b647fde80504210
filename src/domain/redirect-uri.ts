/** How a client is deployed; only a native one may use custom schemes and any loopback port (RFC 8252). */
export type ApplicationType = 'web' | 'native'

const maxLength = 2048
const forbiddenSchemes = new Set(
  'javascript data vbscript file blob about filesystem view-source mailto tel ftp ws wss'.split(' '),
)
const plainHttpHosts = new Set(['localhost', '127.0.0.1', '[::1]'])
const uri = /^([a-z][a-z0-9+.-]*):(\/\/([^/?]*))?(.*)$/i
// A name or an address, with no character that would end a directive when the origin is written into a CSP.
const hostAndPort = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?$/i
const loopback = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]))(?::([1-9][0-9]{0,4}))?((?:[/?].*)?)$/
const dotSegment = /^(?:\.|%2e){1,2}(?:;.*)?$/i

/** Whether a presented redirect URI is a registered one: byte for byte, or, for a native client on a loopback address, but for the port (RFC 9700 §2.1, RFC 8252 §7.3). */
export function redirectUriMatches(
  presented: string,
  registered: readonly string[],
  applicationType: ApplicationType,
): boolean {
  if (presented.length > maxLength) return false
  if (registered.includes(presented)) return true
  if (applicationType !== 'native') return false
  const wanted = withoutPort(presented)
  return wanted !== undefined && registered.some((candidate) => withoutPort(candidate) === wanted)
}

/** Why a redirect URI cannot be registered, as a text for the registrant, or undefined when it can. */
export function checkRedirectUri(redirectUri: string, applicationType: ApplicationType): string | undefined {
  if (redirectUri.length > maxLength) return `must not be longer than ${maxLength} characters`
  if (!/^[\x21-\x7e]*$/.test(redirectUri)) return 'must not contain whitespace, control or non-ASCII characters'
  if (/["<>\\^`{|}]/.test(redirectUri)) return 'must not contain characters that a URI does not allow'
  if (/%(?![0-9a-f]{2})/i.test(redirectUri)) return 'must not contain a broken percent escape'
  if (/%(?:[01][0-9a-f]|7f)/i.test(redirectUri)) return 'must not contain escaped control characters'
  if (redirectUri.includes('#')) return 'must not have a fragment'
  if (redirectUri.includes('*')) return 'must not contain *: redirect URIs are compared byte for byte'
  const [, scheme, slashes, authority = '', rest = ''] = uri.exec(redirectUri) ?? []
  if (scheme === undefined) return 'must be an absolute URI'
  if (forbiddenSchemes.has(scheme.toLowerCase())) return `must not use the scheme ${scheme.toLowerCase()}`
  if (authority.includes('@')) return 'must not contain user information'
  const path = rest.split('?', 1)[0] ?? ''
  if (path.split('/').some((segment) => dotSegment.test(segment))) return 'must not contain dot segments'
  return /^https?$/i.test(scheme)
    ? checkWeb(redirectUri, scheme.toLowerCase(), authority)
    : checkCustomScheme(scheme, slashes === undefined ? rest : '/', applicationType)
}

/** What a CSP `form-action` must allow for a registered redirect URI: its origin, or its scheme where an origin cannot be written (custom schemes, IPv6 literals). */
export function originOf(redirectUri: string): string {
  const { protocol, origin, host, hostname } = new URL(redirectUri)
  if (protocol !== 'http:' && protocol !== 'https:') return protocol
  if (!hostAndPort.test(host)) throw new TypeError('not a registrable redirect URI')
  return hostname.startsWith('[') ? protocol : origin
}

function withoutPort(value: string): string | undefined {
  const [, origin, port, rest] = loopback.exec(value) ?? []
  return origin === undefined || Number(port ?? 80) > 65535 ? undefined : `${origin}${rest}`
}

function checkWeb(redirectUri: string, scheme: string, authority: string): string | undefined {
  const [, host, port] = hostAndPort.exec(authority) ?? []
  if (host === undefined || Number(port ?? 443) > 65535) return 'must have a valid host and port'
  // A host that a browser would rewrite (0x7f.1, 2130706433, [::ffff:127.0.0.1]) is not the host it seems to be.
  if (!URL.canParse(redirectUri) || new URL(redirectUri).hostname !== host.toLowerCase())
    return 'must write its host in the usual form'
  if (scheme === 'http' && !plainHttpHosts.has(host)) return 'must use https unless it is on the same device'
  return undefined
}

function checkCustomScheme(scheme: string, rest: string, applicationType: ApplicationType): string | undefined {
  if (applicationType !== 'native') return 'must use https: custom schemes are for native applications'
  if (!scheme.includes('.')) return 'must use a scheme with a dot, such as com.example.app (RFC 8252 §7.1)'
  if (!rest.startsWith('/')) return 'must have a path, such as com.example.app:/callback'
  return undefined
}
