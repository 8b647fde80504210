import type { Browser, Page } from '../support/browser.ts'
import { password } from '../support/server.ts'

/** Takes a person through what the server asks, and comes back with the answer that leads to the application. */
export async function signInAt(browser: Browser, url: string | URL, username: string): Promise<Page> {
  let page = await browser.open(String(url))
  if (page.body.includes('id="password"')) page = await browser.submit(page, { username, password })
  if (page.body.includes('id="approve"')) page = await browser.submit(page, { decision: 'approve' })
  return page
}

/** The way out of a page to the application. */
export function wayOut(page: Page): URL {
  if (!page.location) throw new Error(`no redirect (${page.status}): ${page.body.slice(0, 500)}`)
  return page.location
}
