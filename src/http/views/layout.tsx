import type { ComponentChildren } from 'preact'
import { FalconMark } from './falcon-mark.tsx'
import { Head } from './head.tsx'
import { text } from './text.ts'

/** The frame of a page; `wide` is for pages that are read rather than filled in. */
export interface LayoutProps {
  title: string
  children: ComponentChildren
  wide?: boolean
}

/** The document around every page but those of the console. Nothing here is inline: the policy of the pages allows no script. */
export function Layout({ title, children, wide = false }: LayoutProps) {
  return (
    <html lang={text.language}>
      <Head title={title} />
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
