import type { ComponentChildren } from 'preact'

export interface LayoutProps {
  title: string
  issuer: string
  children: ComponentChildren
  /** What stands at the end of the bar: who is signed in. */
  aside?: ComponentChildren
}

/** The document around every page of the demo. It looks like another company's app, because it stands for one. */
export function Layout({ title, issuer, children, aside }: LayoutProps) {
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <title>{title} · Fieldnotes</title>
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <meta name="color-scheme" content="light dark" />
        <link rel="icon" type="image/svg+xml" href="/icon.svg" />
        <link rel="stylesheet" href="/demo.css" />
      </head>
      <body>
        <header class="bar">
          <div class="inner">
            <a class="brand" href="/">
              <img src="/icon.svg" alt="" width="28" height="28" />
              Fieldnotes
            </a>
            <span class="tag">demo app</span>
            {aside}
          </div>
        </header>
        <main class="inner">{children}</main>
        <footer class="inner">
          Signs in with <a href={issuer}>{issuer.replace(/^https?:\/\//, '')}</a> over OpenID Connect, from an origin of
          its own. It shows tokens because it is a demo; an app for people never does.
        </footer>
      </body>
    </html>
  )
}

/** A form of one button, which carries the token of its session. */
export function ButtonForm(props: { action: string; csrf: string; children: ComponentChildren }) {
  return (
    <form method="post" action={props.action}>
      <input type="hidden" name="csrf" value={props.csrf} />
      {props.children}
    </form>
  )
}
