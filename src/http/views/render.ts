import type { VNode } from 'preact'
import { renderToString } from 'preact-render-to-string'

/** A page as a complete HTML document, to be sent as `text/html; charset=utf-8`. */
export function renderPage(page: VNode): string {
  return `<!doctype html>${renderToString(page)}`
}
