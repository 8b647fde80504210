import { Browser, type Page } from '../../support/browser.ts'
import type { TestClient, TestServer, Tokens } from '../../support/server.ts'
import { at } from '../../support/tokens.ts'

/** A browser that a load balancer has brought to one of the instances, under the name that they share. */
class BrowserAt extends Browser {
  private readonly instance: string

  constructor({ url, server }: TestServer) {
    super(server.tools.issuer)
    this.instance = url
  }

  override async request(url: string, init?: RequestInit): Promise<Page> {
    const target = new URL(url, this.origin)
    const page = await super.request(`${this.instance}${target.pathname}${target.search}`, init)
    const back = (href: string) => href.replace(this.instance, this.origin)
    return { ...page, url: back(page.url), location: page.location && new URL(back(page.location.href)) }
  }
}

/** Signs in and exchanges the code, all of it at one instance. */
export async function signInAt(server: TestServer, client: TestClient, username: string): Promise<Tokens> {
  const { code, verifier, page } = await client.signIn({ browser: new BrowserAt(server), username })
  if (code === '') throw new Error(`no code: ${page.status} ${page.body.slice(0, 300)}`)
  const form = { grant_type: 'authorization_code', code, redirect_uri: client.redirectUri, code_verifier: verifier }
  const { status, body } = await at(server, client).post('/token', form)
  if (status !== 200) throw new Error(`no tokens: ${JSON.stringify(body)}`)
  return body as unknown as Tokens
}
