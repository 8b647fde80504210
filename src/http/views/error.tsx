import { Layout } from './layout.tsx'
import { Notice } from './notice.tsx'
import { safeLink } from './safe-href.ts'
import { Sentence } from './sentence.tsx'
import { text } from './text.ts'

/**
 * What an error page shows: what happened, who can fix it, and a reference that the log has too. `detail` is for
 * development only; `action.href` is a path of this server or an http(s) address.
 */
export interface ErrorPageProps {
  title: string
  message: string
  audience: 'user' | 'developer' | 'administrator'
  reference: string
  detail?: string | undefined
  action?: { href: string; label: string } | undefined
}

/** The page for a request that cannot be answered to the application (RFC 6749 §4.1.2.1: no redirect to a bad address). */
export function ErrorPage({ title, message, audience, reference, detail, action }: ErrorPageProps) {
  const words = text.error
  const href = safeLink(action?.href)
  return (
    <Layout title={title}>
      <h1>{title}</h1>
      <Notice tone="danger">{message}</Notice>
      <h2>{words.who}</h2>
      <p>{words[audience]}</p>
      {href !== undefined && (
        <a class="button primary" href={href}>
          {action?.label}
        </a>
      )}
      {detail !== undefined && (
        <>
          <h2>{words.detail}</h2>
          <pre>{detail}</pre>
        </>
      )}
      <footer class="small">
        <p>
          {words.reference} <code id="reference">{reference}</code>
        </p>
      </footer>
    </Layout>
  )
}

/** Where a person can start again; `href` is a path of this server or an http(s) address. */
export interface ExpiredPageProps {
  clientName?: string | undefined
  href?: string | undefined
}

/** The page for a sign-in or consent form that came too late or twice. */
export function ExpiredPage({ clientName, href }: ExpiredPageProps) {
  const words = text.expired
  const link = safeLink(href)
  return (
    <Layout title={words.title}>
      <h1>{words.title}</h1>
      <Notice tone="caution">{words.message}</Notice>
      <p>
        {clientName === undefined ? words.next : <Sentence of={words.nextClient} values={{ client: clientName }} />}
      </p>
      {link !== undefined && (
        <a class="button primary" href={link}>
          {words.again}
        </a>
      )}
    </Layout>
  )
}
