import { ClientBadge } from './client-badge.tsx'
import { HiddenFields } from './hidden-fields.tsx'
import { Layout } from './layout.tsx'
import { safeHref } from './safe-href.ts'
import { Sentence } from './sentence.tsx'
import { text } from './text.ts'

/** A scope as the consent page lists it; an empty `description` (or one equal to `name`) shows the name alone. */
export interface ConsentScope {
  name: string
  description: string
}

/** What the consent page shows. `handle` names the login transaction; `offline` is standing access beyond the session. */
export interface ConsentPageProps {
  clientName: string
  clientUri?: string | undefined
  logoUri?: string | undefined
  policyUri?: string | undefined
  tosUri?: string | undefined
  username: string
  handle: string
  csrf: string
  scopes: readonly ConsentScope[]
  offline: boolean
}

/** The consent page: posts `tx`, `csrf` and `decision` (`approve` or `deny`) to /consent. */
export function ConsentPage(props: ConsentPageProps) {
  const words = text.consent
  const client = props.clientName
  return (
    <Layout title={words.title}>
      <h1>{words.title}</h1>
      <p class="lead">
        <Sentence of={words.lead} values={{ client }} />
      </p>
      <ClientBadge clientName={client} clientUri={props.clientUri} logoUri={props.logoUri} />
      <ScopeList scopes={props.scopes} />
      {props.offline && <p class="notice notice-caution">{words.offline}</p>}
      <Documents client={client} policyUri={props.policyUri} tosUri={props.tosUri} />
      <form method="post" action="/consent">
        <HiddenFields fields={{ tx: props.handle, csrf: props.csrf }} />
        <div class="pair">
          <button id="approve" class="button primary" type="submit" name="decision" value="approve">
            {words.approve}
          </button>
          <button id="deny" class="button secondary" type="submit" name="decision" value="deny">
            {words.deny}
          </button>
        </div>
      </form>
      <footer class="small">
        <p>
          {words.account} <bdi class="who">{props.username}</bdi>
        </p>
        <p>{words.notYou}</p>
      </footer>
    </Layout>
  )
}

function ScopeList({ scopes }: { scopes: readonly ConsentScope[] }) {
  if (scopes.length === 0) return <p>{text.consent.none}</p>
  return (
    <>
      <h2 id="scopes">{text.consent.list}</h2>
      <ul class="scopes" aria-labelledby="scopes">
        {scopes.map(({ name, description }) => (
          <li>
            {description !== '' && description !== name && <span class="scope-words">{description}</span>}
            <code>{name}</code>
          </li>
        ))}
      </ul>
    </>
  )
}

interface DocumentsProps {
  client: string
  policyUri: string | undefined
  tosUri: string | undefined
}

function Documents({ client, policyUri, tosUri }: DocumentsProps) {
  const policy = safeHref(policyUri)
  const terms = safeHref(tosUri)
  if (policy === undefined && terms === undefined) return null
  return (
    <p class="small">
      <Sentence of={text.consent.documents} values={{ client }} />
      <br />
      {policy !== undefined && <DocumentLink href={policy} label={text.consent.policy} />}
      {terms !== undefined && <DocumentLink href={terms} label={text.consent.terms} />}
    </p>
  )
}

// A new tab: reading the policy must not lose the page on which the person decides.
function DocumentLink({ href, label }: { href: string; label: string }) {
  return (
    <a class="document" href={href} target="_blank" rel="noopener noreferrer">
      {label}
      <span class="unseen"> {text.newTab}</span>
    </a>
  )
}
