import type { ComponentChildren } from 'preact'
import { FalconMark } from './falcon-mark.tsx'
import { text } from './text.ts'

/** The frame of a page; `wide` is for pages that are read rather than filled in. */
export interface LayoutProps {
  title: string
  children: ComponentChildren
  wide?: boolean
}

/**
 * The document around every page.
 *
 * Nothing here is inline: the policy of the pages allows the stylesheet and the icon of this server, and no script.
 */
export function Layout({ title, children, wide = false }: LayoutProps) {
  return (
    <html lang={text.language}>
      <head>
        <meta charset="utf-8" />
        <title>{title + text.titleSeparator + text.product}</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <meta name="robots" content="noindex" />
        <link rel="icon" type="image/svg+xml" href="/assets/icon.svg" />
        <link rel="stylesheet" href="/assets/style.css" />
      </head>
      <body>
        <div class="sky">
          <FalconMark class="plumage" />
        </div>
        <div class={wide ? 'page page-wide' : 'page'}>
          <header class="brand">
            <FalconMark class="mark" />
            {text.product}
          </header>
          <main class="card">{children}</main>
        </div>
      </body>
    </html>
  )
}
