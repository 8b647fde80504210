import { parse } from 'bowser'

/** A browser as a person would name it, "Firefox on Linux"; null when it does not tell. Every browser may claim to be another. */
export function deviceOf(userAgent: string | null): string | null {
  if (!userAgent) return null
  const { browser, os } = parse(userAgent)
  return [browser.name, os.name].filter((name) => name !== undefined && name !== '').join(' on ') || null
}
