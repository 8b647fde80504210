import { HiddenFields } from './hidden-fields.tsx'
import { Layout } from './layout.tsx'
import { Sentence } from './sentence.tsx'
import { text } from './text.ts'

/** What the sign-out question shows and carries on to its confirmation (OpenID Connect RP-Initiated Logout 1.0 §2). */
export interface LogoutPageProps {
  csrf: string
  username?: string | undefined
  clientName?: string | undefined
  clientId?: string | undefined
  postLogoutRedirectUri?: string | undefined
  state?: string | undefined
}

/** Asks before signing out: without a valid hint anybody's link could have led here. Posts to /logout/confirm. */
export function LogoutPage(props: LogoutPageProps) {
  const words = text.logout
  return (
    <Layout title={words.title}>
      <h1>{words.title}</h1>
      {props.clientName !== undefined && (
        <p class="lead">
          <Sentence of={words.from} values={{ client: props.clientName }} />
        </p>
      )}
      <p>{words.lead}</p>
      {props.username !== undefined && (
        <p>
          {words.account} <bdi class="who">{props.username}</bdi>
        </p>
      )}
      <form method="post" action="/logout/confirm">
        <HiddenFields
          fields={{
            csrf: props.csrf,
            client_id: props.clientId,
            post_logout_redirect_uri: props.postLogoutRedirectUri,
            state: props.state,
          }}
        />
        <div class="pair">
          <button id="confirm-logout" class="button primary" type="submit">
            {words.confirm}
          </button>
          <a class="button secondary" href="/">
            {words.stay}
          </a>
        </div>
      </form>
    </Layout>
  )
}

/** What the page after sign-out shows. */
export interface LoggedOutPageProps {
  clientName?: string | undefined
}

/** The page after sign-out when there is no registered address to go back to. */
export function LoggedOutPage({ clientName }: LoggedOutPageProps) {
  const words = text.loggedOut
  return (
    <Layout title={words.title}>
      <h1>{words.title}</h1>
      <p class="lead">
        {clientName === undefined ? words.lead : <Sentence of={words.leadClient} values={{ client: clientName }} />}
      </p>
      <p class="small">{words.shared}</p>
    </Layout>
  )
}
