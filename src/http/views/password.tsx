import { HiddenFields } from './hidden-fields.tsx'
import { Layout } from './layout.tsx'
import { Notice } from './notice.tsx'
import { fill, text } from './text.ts'

/** The fields of the form, by the ids of their inputs. */
export type PasswordField = 'current-password' | 'new-password' | 'repeat-password'

/** What the form shows. `error` is a whole sentence, `field` the one to blame; without one, it is nothing that was typed. */
export interface PasswordPageProps {
  csrf: string
  username: string
  endsOthers: boolean
  error?: string | undefined
  errorTitle?: string | undefined
  field?: PasswordField | undefined
}

/**
 * The page to change one's password: posts `csrf`, `current_password`, `new_password`, `repeat_password` and `sign_out_others` to
 * /account/password. The new one twice, since a button that shows it would need a script.
 */
export function PasswordPage({ csrf, username, endsOthers, error, field, ...props }: PasswordPageProps) {
  const words = text.password
  const errorTitle = props.errorTitle ?? words.errorTitle
  const hasError = error !== undefined
  const input = (id: PasswordField, label: string, hint?: string) => (
    <>
      <label for={id}>{label}</label>
      {hint !== undefined && (
        <div id={`${id}-hint`} class="small">
          <p>{hint}</p>
        </div>
      )}
      <input
        id={id}
        name={id.replace('-', '_')}
        type="password"
        autocomplete={id === 'current-password' ? 'current-password' : 'new-password'}
        required
        autofocus={id === 'current-password'}
        aria-invalid={id === field ? 'true' : undefined}
        aria-describedby={[id === field && 'error', hint && `${id}-hint`].filter(Boolean).join(' ') || undefined}
      />
    </>
  )
  return (
    <Layout title={hasError ? `${errorTitle}${text.titleSeparator}${words.title}` : words.title}>
      <h1>{words.title}</h1>
      <p class="lead">
        {words.account} <bdi class="who">{username}</bdi>
      </p>
      {hasError && (
        <Notice title={errorTitle} tone={field === undefined ? 'caution' : 'danger'}>
          {error}
        </Notice>
      )}
      <form method="post" action="/account/password">
        <HiddenFields fields={{ csrf }} />
        {/* Tells a password manager whose entry this is. Without a name it is not sent. */}
        <span class="unseen" aria-hidden="true">
          <input type="text" value={username} autocomplete="username" tabindex={-1} readonly />
        </span>
        {input('current-password', words.current)}
        {input('new-password', words.wanted, words.hint)}
        {input('repeat-password', words.repeated)}
        <label class="choice" for="sign-out-others">
          <input id="sign-out-others" name="sign_out_others" type="checkbox" value="on" checked={endsOthers} />
          <span>
            {words.others}
            <small>{words.othersHint}</small>
          </span>
        </label>
        <button id="submit" class="button primary" type="submit">
          {words.submit}
        </button>
      </form>
      <a class="button quiet aside" href="/">
        {words.cancel}
      </a>
    </Layout>
  )
}

/** What the page after a change shows: how many sessions were ended elsewhere; undefined when that was not asked. */
export interface PasswordChangedPageProps {
  sessionsEnded: number | undefined
}

/** Says that the password was changed, and what that ended. */
export function PasswordChangedPage({ sessionsEnded }: PasswordChangedPageProps) {
  const words = text.passwordChanged
  return (
    <Layout title={words.title}>
      <h1>{words.title}</h1>
      <p class="lead">{words.here}</p>
      {sessionsEnded === undefined ? (
        <p>{words.othersStay}</p>
      ) : (
        <>
          <p id="signed-out">{signedOut(sessionsEnded)}</p>
          <p>{words.apps}</p>
        </>
      )}
      <a class="button secondary" href="/">
        {words.done}
      </a>
    </Layout>
  )
}

function signedOut(count: number): string {
  const words = text.passwordChanged
  if (count === 0) return words.nowhere
  return count === 1 ? words.once : fill(words.often, { count: String(count) })
}

/** The page for someone whose account is asked for and who is not signed in: no app has sent them, so none can be gone back to. */
export function SignInFirstPage({ href }: { href: string }) {
  const words = text.signInFirst
  return (
    <Layout title={words.title}>
      <h1>{words.title}</h1>
      <Notice tone="caution">{words.message}</Notice>
      <p>{words.next}</p>
      <a class="button primary" href={href}>
        {words.again}
      </a>
    </Layout>
  )
}
