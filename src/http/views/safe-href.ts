/**
 * An address from client metadata that a page may link to, or undefined.
 *
 * Only http and https: `javascript:` in a registered address would run on the sign-in origin. An address with a user
 * name in it (`https://bank.example@evil.example`) reads as another site than it is.
 */
export function safeHref(value: string | undefined): string | undefined {
  const url = parse(value)
  if (url === undefined || (url.protocol !== 'https:' && url.protocol !== 'http:')) return undefined
  return url.username === '' && url.password === '' ? url.href : undefined
}

/** As `safeHref`, but a path of this server is allowed too; `//host` and `/\host` are other servers, not paths. */
export function safeLink(value: string | undefined): string | undefined {
  if (value !== undefined && /^\/(?![/\\])/.test(value) && !/[\t\n\r]/.test(value)) return value
  return safeHref(value)
}

function parse(value: string | undefined): URL | undefined {
  return value !== undefined && URL.canParse(value) ? new URL(value) : undefined
}
