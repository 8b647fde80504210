import { Layout } from './layout.tsx'
import { Notice } from './notice.tsx'
import { text } from './text.ts'

/** Puts the code of the link into the form: it stands behind the # of the address, where no server sees it. */
export const setupScript = "const c=document.getElementById('code');if(!c.value)c.value=location.hash.slice(1)"

/** The fields of the form, by the ids of their inputs. */
export type SetupField = 'code' | 'username' | 'new-password' | 'repeat-password'

export interface SetupPageProps {
  code?: string | undefined
  username?: string | undefined
  error?: string | undefined
  field?: SetupField | undefined
}

/** The page behind a set-up link: posts `code`, `username`, `new_password` and `repeat_password` to /setup. Without scripts the code is pasted. */
export function SetupPage({ code, username, error, field }: SetupPageProps) {
  const words = text.setup
  const hasError = error !== undefined
  const blamed = (id: SetupField, hint?: string) => ({
    id,
    name: id.replace('-', '_'),
    required: true,
    'aria-invalid': id === field ? ('true' as const) : undefined,
    'aria-describedby': [id === field && 'error', hint].filter(Boolean).join(' ') || undefined,
  })
  return (
    <Layout title={hasError ? `${words.errorTitle}${text.titleSeparator}${words.title}` : words.title}>
      <h1>{words.title}</h1>
      <p class="lead">{words.lead}</p>
      {hasError && (
        <Notice title={words.errorTitle} tone="danger">
          {error}
        </Notice>
      )}
      <form method="post" action="/setup">
        <label for="code">{words.code}</label>
        <div id="code-hint" class="small">
          <p>{words.codeHint}</p>
        </div>
        <input {...blamed('code', 'code-hint')} type="text" value={code} autocomplete="off" spellcheck={false} />
        <label for="username">{words.username}</label>
        <input {...blamed('username')} type="text" value={username} autocomplete="username" autocapitalize="none" />
        <label for="new-password">{words.wanted}</label>
        <div id="password-hint" class="small">
          <p>{words.hint}</p>
        </div>
        <input {...blamed('new-password', 'password-hint')} type="password" autocomplete="new-password" />
        <label for="repeat-password">{words.repeated}</label>
        <input {...blamed('repeat-password')} type="password" autocomplete="new-password" />
        <button id="submit" class="button primary" type="submit">
          {words.submit}
        </button>
      </form>
      <script dangerouslySetInnerHTML={{ __html: setupScript }} />
    </Layout>
  )
}

/** Says that the account is there, and what it is good for. `hasConsole`: the console is served here. */
export function SetUpPage({ username, hasConsole }: { username: string; hasConsole: boolean }) {
  const words = text.setUp
  return (
    <Layout title={words.title}>
      <h1>{words.title}</h1>
      <p class="lead">
        {words.account} <bdi class="who">{username}</bdi>
      </p>
      <p>{words.next}</p>
      <a id="done" class={`button ${hasConsole ? 'primary' : 'secondary'}`} href={hasConsole ? '/admin' : '/'}>
        {hasConsole ? words.console : words.done}
      </a>
    </Layout>
  )
}
