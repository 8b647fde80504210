import { decodeJwt, decodeProtectedHeader } from 'jose'
import { type ActionName, actions } from '../actions.ts'
import { shorten } from '../exchange.ts'
import type { Report } from '../report.ts'
import type { SignedIn } from '../sessions.ts'
import { Json } from './json.tsx'
import { ButtonForm, Layout } from './layout.tsx'
import { ReportView } from './report.tsx'
import { describeDuration, describeTime } from './time.ts'

export interface HomePageProps {
  csrf: string
  issuer: string
  signedIn: SignedIn
  report: Report | undefined
  /** Seconds, for showing. */
  now: number
}

/** The page for someone who is signed in: who it is, the buttons, what the last one did, and the tokens. */
export function HomePage({ csrf, issuer, signedIn, report, now }: HomePageProps) {
  const { person, tokens } = signedIn
  const who = person.name ?? person.email ?? person.sub
  return (
    <Layout title="Signed in" issuer={issuer} aside={<LogOut csrf={csrf} email={person.email} />}>
      <div class="columns">
        <div class="column">
          <section class="card">
            <h1>Hello, {who}</h1>
            <p class="lead">
              The issuer vouches for you. Your <code>sub</code> here is <code>{person.sub}</code>
            </p>
            <div class="actions">
              {(Object.keys(actions) as ActionName[]).map((name) => (
                <ButtonForm action={`/${name}`} csrf={csrf}>
                  <button class={`button ${name === 'call-api' ? 'primary' : 'secondary'}`} type="submit" id={name}>
                    {actions[name].label}
                    <small>{actions[name].hint}</small>
                  </button>
                </ButtonForm>
              ))}
            </div>
          </section>
          {report && <ReportView report={report} />}
        </div>
        <div class="column">
          <AccessToken signedIn={signedIn} now={now} />
          <RefreshToken signedIn={signedIn} />
          <section class="card token">
            <TokenHeading name="ID token" hint={`for this app: who signed in · ${shorten(tokens.idToken)}`} />
            <Json value={decodeJwt(tokens.idToken)} now={now} />
          </section>
        </div>
      </div>
    </Layout>
  )
}

function LogOut({ csrf, email }: { csrf: string; email: string | undefined }) {
  return (
    <div class="aside">
      {email !== undefined && <span class="email">{email}</span>}
      <ButtonForm action="/logout" csrf={csrf}>
        <button class="button quiet" type="submit" id="logout">
          Log out
        </button>
      </ButtonForm>
    </div>
  )
}

function AccessToken({ signedIn, now }: { signedIn: SignedIn; now: number }) {
  const { accessToken } = signedIn.tokens
  const claims = decodeJwt(accessToken)
  const { exp = 0 } = claims
  return (
    <section class="card token">
      <TokenHeading name="Access token" hint={`for the API · ${shorten(accessToken)}`} />
      <p class="life" id="life">
        {signedIn.isRevoked ? (
          <b class="pill refused">revoked</b>
        ) : (
          <b class={`pill ${exp > now ? 'good' : 'refused'}`}>
            {exp > now ? `${describeDuration(exp - now)} left` : 'expired'}
          </b>
        )}
        <span>expires at {describeTime(exp)}</span>
      </p>
      <Json value={decodeProtectedHeader(accessToken)} now={now} />
      <Json value={claims} now={now} />
    </section>
  )
}

function RefreshToken({ signedIn: { tokens, offline } }: { signedIn: SignedIn }) {
  return (
    <section class="card token">
      <TokenHeading name="Refresh token" hint={`opaque, used once · ${shorten(tokens.refreshToken)}`} />
      <p class="hint">
        {offline
          ? 'Offline: it outlives your session, because you asked for that at login.'
          : 'It ends with your session: log out, and it is dead.'}
      </p>
    </section>
  )
}

function TokenHeading({ name, hint }: { name: string; hint: string }) {
  return (
    <h2>
      {name} <small>{hint}</small>
    </h2>
  )
}
