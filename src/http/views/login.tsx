import { ClientBadge } from './client-badge.tsx'
import { HiddenFields } from './hidden-fields.tsx'
import { Layout } from './layout.tsx'
import { Notice } from './notice.tsx'
import { text } from './text.ts'

/**
 * What the sign-in page shows. `handle` names the login transaction, `error` is a whole sentence, `locked` says that
 * attempts are slowed down (the form stays: the person may be right the next time).
 */
export interface LoginPageProps {
  clientName: string
  clientUri?: string | undefined
  logoUri?: string | undefined
  handle: string
  csrf: string
  username?: string | undefined
  /** Offers to stay signed in, and whether that was ticked before. */
  mayBeRemembered?: boolean | undefined
  remember?: boolean | undefined
  error?: string | undefined
  locked?: boolean | undefined
}

/** The sign-in page: posts `tx`, `csrf`, `username`, `password` and perhaps `remember_me` to /login, or `action=cancel` instead. */
export function LoginPage(props: LoginPageProps) {
  const { handle, csrf, username = '', locked = false } = props
  const words = text.login
  const error = props.error ?? (locked ? words.locked : undefined)
  const errorTitle = locked ? words.lockedTitle : words.errorTitle
  const invalid = error !== undefined && !locked
  const describedBy = error === undefined ? undefined : 'error'
  return (
    <Layout title={error === undefined ? words.title : `${errorTitle}${text.titleSeparator}${words.title}`}>
      <h1>{words.title}</h1>
      <p class="lead">{words.lead}</p>
      <ClientBadge clientName={props.clientName} clientUri={props.clientUri} logoUri={props.logoUri} />
      {error !== undefined && (
        <Notice title={errorTitle} tone={locked ? 'caution' : 'danger'}>
          {error}
        </Notice>
      )}
      <form method="post" action="/login">
        <HiddenFields fields={{ tx: handle, csrf }} />
        <label for="username">{words.username}</label>
        <input
          id="username"
          name="username"
          type="text"
          value={username}
          autocomplete="username"
          autocapitalize="none"
          autocorrect="off"
          spellcheck={false}
          required
          autofocus={username === ''}
          aria-invalid={invalid ? 'true' : undefined}
          aria-describedby={describedBy}
        />
        <label for="password">{words.password}</label>
        <input
          id="password"
          name="password"
          type="password"
          autocomplete="current-password"
          required
          autofocus={username !== ''}
          aria-invalid={invalid ? 'true' : undefined}
          aria-describedby={describedBy}
        />
        {props.mayBeRemembered === true && (
          <label class="choice" for="remember-me">
            <input id="remember-me" name="remember_me" type="checkbox" value="on" checked={props.remember === true} />
            <span>
              {words.remember}
              <small>{words.rememberHint}</small>
            </span>
          </label>
        )}
        <button id="submit" class="button primary" type="submit">
          {words.submit}
        </button>
      </form>
      {/* A form of its own, so that giving up never sends the password that a browser filled in. */}
      <form class="aside" method="post" action="/login">
        <HiddenFields fields={{ tx: handle, csrf }} />
        <button id="cancel" class="button quiet" type="submit" name="action" value="cancel">
          {words.cancel}
        </button>
      </form>
    </Layout>
  )
}
