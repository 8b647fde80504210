import { type Answer, send } from './wire.ts'

/** A page, or the way out to an application. */
export interface Page extends Answer {
  readonly url: string
  /** Where it redirects to, when that is not on the server. */
  readonly leavesTo: URL | undefined
}

/** A person's browser: cookies, forms and redirects, without scripts. */
export interface Browser {
  open(url: string): Promise<Page>
  /** Fills in the form of a page and sends it; hidden fields go along. */
  submit(page: Page, fields: Record<string, string>): Promise<Page>
}

const mostRedirects = 10
const entities: Record<string, string> = { '&amp;': '&', '&lt;': '<', '&gt;': '>', '&quot;': '"', '&#39;': "'" }

/** A new browser, without any cookie, for the pages of one server. */
export function createBrowser(origin: string): Browser {
  const cookies = new Map<string, string>()
  const load = async (method: string, url: string, body?: URLSearchParams): Promise<Page> => {
    const headers: Record<string, string> = { cookie: [...cookies].map((pair) => pair.join('=')).join('; ') }
    if (body) headers['origin'] = origin
    const answer = await send(method, url, { headers, ...(body ? { body } : {}) })
    for (const line of answer.headers.getSetCookie()) keep(cookies, line)
    const location = answer.headers.get('location')
    const target = location === null ? undefined : new URL(location, url)
    return { ...answer, url, leavesTo: target }
  }
  const follow = async (first: Page): Promise<Page> => {
    let page = first
    for (let hops = 0; page.leavesTo?.origin === origin; hops++) {
      if (hops === mostRedirects) throw new Error(`too many redirects from ${first.url}`)
      page = await load('GET', page.leavesTo.href)
    }
    return page
  }
  return {
    open: async (url) => follow(await load('GET', url)),
    submit: async (page, fields) => {
      const form = readForm(page)
      const body = new URLSearchParams({ ...form.fields, ...fields })
      return follow(await load('POST', new URL(form.action, page.url).href, body))
    },
  }
}

function keep(cookies: Map<string, string>, line: string): void {
  const [pair = '', ...attributes] = line.split(';')
  const [name = '', ...value] = pair.split('=')
  const isGone = attributes.some((attribute) => /^\s*max-age=0\s*$/i.test(attribute))
  if (isGone) cookies.delete(name.trim())
  else cookies.set(name.trim(), value.join('=').trim())
}

/** The first form of a page. */
function readForm({ text, url }: Page): { action: string; fields: Record<string, string> } {
  const [, head = '', inner = ''] = /<form\b([^>]*)>([\s\S]*?)<\/form>/.exec(text) ?? []
  const action = attribute(head, 'action')
  if (action === undefined) throw new Error(`there is no form on ${new URL(url).pathname}`)
  const inputs = [...inner.matchAll(/<input\b[^>]*>/g)].map(([tag]) => [
    attribute(tag, 'name') ?? '',
    attribute(tag, 'value') ?? '',
  ])
  return { action, fields: Object.fromEntries(inputs) as Record<string, string> }
}

const attribute = (tag: string, name: string): string | undefined =>
  new RegExp(`\\s${name}="([^"]*)"`)
    .exec(tag)?.[1]
    ?.replace(/&(amp|lt|gt|quot|#39);/g, (entity) => entities[entity] ?? entity)
