import type { BrowserContextOptions, Page } from 'playwright-core'
import { afterEach, expect } from 'vitest'
import type { Chromium, Window } from '../support/chromium.ts'
import { password } from '../support/server.ts'
import type { Application } from './application.ts'

/** Opens windows that are closed after each test, which fails if the browser complained in one of them. */
export function useWindows(browser: Chromium): (options?: BrowserContextOptions) => Promise<Window> {
  const windows: Window[] = []
  afterEach(async () => {
    const complaints = windows.flatMap((window) => window.complaints)
    await Promise.all(windows.splice(0).map((window) => window.close()))
    expect(complaints, 'violations of the policy, and other complaints of the browser').toEqual([])
  })
  return async (options) => {
    const window = await browser.open(options)
    windows.push(window)
    return window
  }
}

/** Fills in the login form. */
export async function fillIn(page: Page, username: string, word = password): Promise<void> {
  await page.fill('#username', username)
  await page.fill('#password', word)
}

/** From an authorization request through the login page to the application. */
export async function logIn(
  page: Page,
  app: Application,
  username: string,
  parameters: Record<string, string> = {},
): Promise<ReturnType<Application['client']['request']>> {
  const request = app.client.request(parameters)
  await page.goto(request.url)
  await fillIn(page, username)
  await page.click('#submit')
  await page.waitForURL(`${app.origin}/callback**`)
  return request
}

/** The code of an authorization response that the application got: of the last one, or of that at `index`. */
export const codeAt = ({ responses }: Application, index = -1): string =>
  responses.at(index)?.parameters.get('code') ?? ''

/** Fills in the page behind a set-up link and sends it. */
export async function setUp(page: Page, username: string): Promise<void> {
  await page.fill('#username', username)
  await page.fill('#new-password', password)
  await page.fill('#repeat-password', password)
  await page.click('#submit')
}
