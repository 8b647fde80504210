import { text } from './text.ts'

/** The stylesheets of the pages, by name. */
export type Style = 'style' | 'console'

/** The head of every page. The policy of the pages allows the stylesheets and the icon of this server. */
export function Head({ title, styles = ['style'] }: { title: string; styles?: readonly Style[] }) {
  return (
    <head>
      <meta charset="utf-8" />
      <title>{title + text.titleSeparator + text.product}</title>
      <meta name="viewport" content="width=device-width, initial-scale=1" />
      <meta name="color-scheme" content="light dark" />
      <meta name="robots" content="noindex" />
      <link rel="icon" type="image/svg+xml" href="/assets/icon.svg" />
      {styles.map((style) => (
        <link rel="stylesheet" href={`/assets/${style}.css`} />
      ))}
    </head>
  )
}
