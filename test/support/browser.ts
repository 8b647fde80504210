import { parse } from './html.ts'

/** A page or redirect as a browser sees it. */
export interface Page {
  readonly status: number
  readonly url: string
  readonly headers: Headers
  readonly body: string
  /** The Location header made absolute, when it is a redirect. */
  readonly location: URL | undefined
}

/** A browser without JavaScript: a cookie jar, forms, redirects within the server. Real sockets. */
export class Browser {
  readonly jar = new Map<string, string>()
  readonly origin: string

  constructor(origin: string) {
    this.origin = origin
  }

  /** A browser that starts from the same cookies. */
  clone(): Browser {
    const copy = new Browser(this.origin)
    for (const [name, value] of this.jar) copy.jar.set(name, value)
    return copy
  }

  async request(url: string, init: RequestInit = {}): Promise<Page> {
    const target = new URL(url, this.origin)
    const headers = new Headers(init.headers)
    if (this.jar.size > 0) headers.set('cookie', [...this.jar].map(([name, value]) => `${name}=${value}`).join('; '))
    const response = await fetch(target, { ...init, headers, redirect: 'manual' })
    for (const line of response.headers.getSetCookie()) this.store(line)
    const location = response.headers.get('location')
    return {
      status: response.status,
      url: target.href,
      headers: response.headers,
      body: await response.text(),
      location: location === null ? undefined : new URL(location, target),
    }
  }

  /** Follows redirects as long as they stay on the server; stops at the first page, or at the way out to the client. */
  async follow(page: Page): Promise<Page> {
    let current = page
    for (let hops = 0; hops < 10; hops++) {
      if (!current.location || current.location.origin !== this.origin) return current
      current = await this.request(current.location.href)
    }
    throw new Error('too many redirects')
  }

  async open(url: string): Promise<Page> {
    return this.follow(await this.request(url))
  }

  /** Fills in and sends the first form of a page, like a person would; hidden fields go along. */
  async submit(page: Page, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Page> {
    const form = parse(page.body).forms[0]
    if (!form) throw new Error(`no form on the page (${page.status}): ${page.body.slice(0, 300)}`)
    return this.follow(await this.post(new URL(form.action, page.url).href, { ...form.fields, ...fields }, headers))
  }

  async post(url: string, fields: Record<string, string>, headers: Record<string, string> = {}): Promise<Page> {
    return this.request(url, {
      method: 'POST',
      headers: { origin: this.origin, 'content-type': 'application/x-www-form-urlencoded', ...headers },
      body: new URLSearchParams(fields).toString(),
    })
  }

  private store(line: string): void {
    const [pair = '', ...attributes] = line.split(';')
    const at = pair.indexOf('=')
    const name = pair.slice(0, at).trim()
    const value = pair.slice(at + 1).trim()
    const isGone = attributes.some((attribute) => /^\s*max-age=0\s*$/i.test(attribute))
    if (isGone || value === '') this.jar.delete(name)
    else this.jar.set(name, value)
  }
}
