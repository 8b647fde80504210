import { existsSync } from 'node:fs'
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { afterAll, beforeAll, describe, it } from 'vitest'

const usualPlaces = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/usr/bin/google-chrome-stable',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
]

const launchArguments = [
  '--headless=new',
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

const given = process.env['CHROMIUM_PATH']
const executablePath = (given ? [given] : usualPlaces).find((path) => existsSync(path))
const reason = given ? 'there is nothing at CHROMIUM_PATH' : 'no Chromium found; set CHROMIUM_PATH'

/** A window of its own: no cookies yet, and everything that the browser complains about is collected. */
export interface Window {
  readonly context: BrowserContext
  readonly page: Page
  /** Refusals of a policy and errors of scripts, from every tab. Answers that are errors (401) are not among them. */
  readonly complaints: string[]
  close(): Promise<void>
}

export interface Chromium {
  open(options?: BrowserContextOptions): Promise<Window>
}

/**
 * Tests in a real browser. Without one they are skipped and say so by name; where CI is set, a missing browser is a failure, because there it
 * would go unnoticed.
 */
export function describeInChromium(name: string, tests: (browser: Chromium) => void): void {
  if (executablePath !== undefined) {
    describe(name, () => tests(launching(executablePath)))
  } else if (process.env['CI']) {
    it(`${name}: needs Chromium`, () => {
      throw new Error(reason)
    })
  } else {
    console.warn(`Skipped: ${name} (${reason})`)
    describe.skip(`${name} (skipped: ${reason})`, () => tests(launching('')))
  }
}

/** One browser for the tests of a file. */
function launching(path: string): Chromium {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: path, args: launchArguments })
  })
  afterAll(() => browser.close())
  return {
    open: async (options = {}) => {
      const context = await browser.newContext({ viewport: { width: 800, height: 600 }, ...options })
      context.setDefaultTimeout(8000)
      const complaints: string[] = []
      context.on('console', (message) => {
        const text = message.text()
        if (
          message.type() === 'error' &&
          !text.startsWith('Failed to load resource: the server responded with a status of 4')
        )
          complaints.push(text)
      })
      context.on('weberror', (error) => complaints.push(error.error().message))
      return { context, page: await context.newPage(), complaints, close: () => context.close() }
    },
  }
}
