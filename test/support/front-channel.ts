import net from 'node:net'
import type { Browser, Page } from './browser.ts'
import { parse } from './html.ts'
import type { LogLine, TestServer } from './server.ts'

/** What an authorization response told the client, in whichever mode it came; undefined when the page is no such response. */
export function answerOf(page: Page): Record<string, string> | undefined {
  if (page.location) return Object.fromEntries(page.location.searchParams)
  const form = parse(page.body).forms[0]
  return form && /^https?:/.test(form.action) ? form.fields : undefined
}

/** The payload of a JWT, believed as it stands. */
export function claimsOf(jwt: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(jwt.split('.')[1] ?? '', 'base64url').toString()) as Record<string, unknown>
}

/** Whether a page shows the sign-in form. */
export const asksForPassword = (page: Page): boolean => page.body.includes('id="password"')

/** Whether a page shows the consent form. */
export const asksForConsent = (page: Page): boolean => page.body.includes('id="approve"')

/** Why the server refused last, by its own log: it shows that a refusal came from the right rule. */
export function lastReason(server: TestServer): string | undefined {
  return server.log.findLast((line: LogLine) => line.reason !== undefined)?.reason
}

/** The value of the one cookie whose name begins so. */
export function cookieOf(browser: Browser, prefix: string): { name: string; value: string } | undefined {
  const found = [...browser.jar].find(([name]) => name.startsWith(prefix))
  return found && { name: found[0], value: found[1] }
}

/** Sends a request that no HTTP client would let pass. A browser's cookies never go along, redirects are not followed. */
export function fetchRaw(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...init, redirect: 'manual' })
}

/** Writes bytes to a socket and reads until the server closes it, or is silent for `quietMs`. */
export function sendBytes(
  url: string,
  bytes: string | Buffer,
  quietMs = 1000,
): Promise<{ text: string; closed: boolean }> {
  const { hostname, port } = new URL(url)
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = net.connect(Number(port), hostname, () => socket.write(bytes))
    const finish = (closed: boolean) => {
      socket.destroy()
      resolve({ text: Buffer.concat(chunks).toString('latin1'), closed })
    }
    socket.setTimeout(quietMs, () => finish(false))
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('end', () => finish(true))
    socket.on('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' || error.code === 'EPIPE' ? finish(true) : reject(error),
    )
  })
}
