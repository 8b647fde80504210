import { mkdirSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { expect } from 'vitest'
import type { Window } from '../support/chromium.ts'

/** Where the pictures go: SCREENSHOT_DIR, or a folder beside other temporary files. */
const directory = process.env['SCREENSHOT_DIR'] ?? path.join(os.tmpdir(), 'falconer-screenshots')

/** How people look at pages: wide and on a phone, by day and by night. */
export const looks = [
  { look: 'light', colorScheme: 'light', viewport: { width: 1280, height: 860 } },
  { look: 'dark', colorScheme: 'dark', viewport: { width: 1280, height: 860 } },
  { look: 'phone', colorScheme: 'light', viewport: { width: 390, height: 844 } },
  { look: 'phone-dark', colorScheme: 'dark', viewport: { width: 390, height: 844 } },
] as const

/** Takes a picture of the whole page, which must not be wider than its window. */
export async function shoot({ page }: Window, name: string): Promise<void> {
  mkdirSync(directory, { recursive: true })
  await page.screenshot({ path: path.join(directory, `${name}.png`), fullPage: true })
  const overflow = await page.evaluate('document.documentElement.scrollWidth - document.documentElement.clientWidth')
  expect(overflow, `${name} scrolls sideways`).toBe(0)
}
