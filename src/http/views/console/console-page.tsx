import type { ComponentChildren } from 'preact'
import { FalconMark } from '../falcon-mark.tsx'
import { Head } from '../head.tsx'
import { text } from '../text.ts'
import { words } from './words.ts'

/** The parts of the console, as they stand in its navigation. */
const sections = {
  overview: '/admin',
  sessions: '/admin/sessions',
  users: '/admin/users',
  clients: '/admin/clients',
  keys: '/admin/keys',
  audit: '/admin/audit',
  administrators: '/admin/administrators',
  revoke: '/admin/revoke',
} as const

export type Section = keyof typeof sections

interface ConsolePageProps {
  section: Section
  title: string
  username: string
  role: string
  children: ComponentChildren
}

/** The frame of every page of the console: where one is, who one is, and what there is to see. */
export function ConsolePage({ section, title, username, role, children }: ConsolePageProps) {
  return (
    <html lang={text.language}>
      <Head title={`${title}${text.titleSeparator}${words.product}`} styles={['style', 'console']} />
      <body class="console">
        <a class="skip" href="#content">
          {words.skip}
        </a>
        <header class="bar">
          <a class="brand" href="/admin">
            <FalconMark class="mark" />
            {text.product}
          </a>
          <nav aria-label={words.navigation}>
            {Object.entries(sections).map(([name, href]) => (
              <a href={href} aria-current={name === section ? 'page' : undefined}>
                {words.sections[name as Section]}
              </a>
            ))}
          </nav>
          <p class="account">
            <span>
              <bdi class="who">{username}</bdi> {role}
            </span>
            <a href="/logout">{text.index.signOut}</a>
          </p>
        </header>
        <main id="content">
          <h1>{title}</h1>
          {children}
        </main>
      </body>
    </html>
  )
}
