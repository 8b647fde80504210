import { ButtonForm, Layout } from './layout.tsx'

export interface StartPageProps {
  csrf: string
  issuer: string
  username: string
  /** The issuer has just ended the session. */
  isSignedOut?: boolean
}

/** The page for someone who is not signed in. */
export function StartPage({ csrf, issuer, username, isSignedOut = false }: StartPageProps) {
  return (
    <Layout title="Welcome" issuer={issuer}>
      <div class="start">
        <section class="card hero">
          {isSignedOut && (
            <p class="verdict good" role="status">
              <strong>You are signed out</strong>
              Of this app and of the sign-in server. Its tokens are dead, except for access that you chose to keep.
            </p>
          )}
          <h1>{isSignedOut ? 'See you soon' : 'Sign in, then take it back'}</h1>
          <p class="lead">
            Fieldnotes is a small web app with an API. It knows no passwords: it sends you to the sign-in server and
            gets tokens for it. Then you can watch a token die.
          </p>
          <ButtonForm action="/login" csrf={csrf}>
            <button class="button primary" type="submit" id="login">
              Log in
            </button>
            <label class="check">
              <input type="checkbox" name="offline" />
              <span>
                Keep access after I sign out <code>offline_access</code>
              </span>
            </label>
          </ButtonForm>
          <p class="hint">
            Sign in as <strong>{username}</strong>. The password was made for you: it stands in the terminal that runs
            the server, and in <code>demo.json</code> in its data directory.
          </p>
        </section>
        <section class="steps" aria-label="What happens">
          <ol>
            <li>
              <strong>You go to the sign-in server</strong>
              with <code>state</code>, <code>nonce</code> and a PKCE challenge.
            </li>
            <li>
              <strong>It asks who you are, and what you allow</strong>
              and sends you back with a code that works once.
            </li>
            <li>
              <strong>Fieldnotes trades the code for tokens</strong>
              on its own connection, with its secret and the PKCE verifier.
            </li>
            <li>
              <strong>You press buttons</strong>
              Call the API, refresh, revoke, and see every request and answer.
            </li>
          </ol>
        </section>
      </div>
    </Layout>
  )
}
