import { HiddenFields } from './hidden-fields.tsx'
import { Layout } from './layout.tsx'
import { safeHref } from './safe-href.ts'
import { text } from './text.ts'

/**
 * The only script of any page; its SHA-256 is what the policy of this page allows.
 *
 * `form.submit()` will not do: the button with id `submit`, or a field of that name, hides the method of the form.
 */
export const formPostScript = 'HTMLFormElement.prototype.submit.call(document.forms[0])'

/** Where the authorization response goes: the validated redirect URI, and the parameters by name. */
export interface FormPostPageProps {
  action: string
  fields: Record<string, string>
}

/**
 * The page that carries an authorization response in a POST (OAuth 2.0 Form Post Response Mode §2).
 *
 * @throws {TypeError} when `action` is not an http(s) address: other schemes would run here or could not take a POST
 */
export function FormPostPage({ action, fields }: FormPostPageProps) {
  if (safeHref(action) === undefined) throw new TypeError('an authorization response can only be posted to http(s)')
  const words = text.formPost
  return (
    <Layout title={words.title}>
      <h1>{words.title}</h1>
      <p class="lead">{words.message}</p>
      <form method="post" action={action}>
        <HiddenFields fields={fields} />
        <button id="submit" class="button primary" type="submit">
          {words.submit}
        </button>
      </form>
      <p class="small">{words.hint}</p>
      <script dangerouslySetInnerHTML={{ __html: formPostScript }} />
    </Layout>
  )
}
