import { Layout } from './layout.tsx'
import { text } from './text.ts'

/** An address of this server worth knowing; `path` is shown, `href` is followed. */
export interface IndexEndpoint {
  name: string
  path: string
  href: string
}

/** What the front page shows. */
export interface IndexPageProps {
  issuer: string
  endpoints: readonly IndexEndpoint[]
  development: boolean
  /** Who is signed in here, if anybody is. */
  username?: string | undefined
}

/** The front page for people: what this server is and where its documents are. */
export function IndexPage({ issuer, endpoints, development, username }: IndexPageProps) {
  const words = text.index
  return (
    <Layout title={words.title} wide>
      <h1>{words.title}</h1>
      <p class="lead">{words.what}</p>
      {development && (
        <p class="notice notice-caution">
          <strong class="notice-title">{words.development}</strong>
          {words.developmentHint}
        </p>
      )}
      {username !== undefined && (
        <>
          <h2 id="account">{words.account}</h2>
          <p>
            {words.signedIn} <bdi class="who">{username}</bdi>
          </p>
          <ul class="endpoints" aria-labelledby="account">
            <li>
              <a href="/account/password">{words.changePassword}</a>
            </li>
            <li>
              <a href="/logout">{words.signOut}</a>
            </li>
          </ul>
        </>
      )}
      <h2>{words.issuer}</h2>
      <p>
        <code class="block">{issuer}</code>
      </p>
      <h2 id="endpoints">{words.endpoints}</h2>
      <ul class="endpoints" aria-labelledby="endpoints">
        {endpoints.map(({ name, path, href }) => (
          <li>
            <a href={href}>
              <span>{name}</span>
              <code>{path}</code>
            </a>
          </li>
        ))}
      </ul>
    </Layout>
  )
}
