import { Notice } from '../notice.tsx'
import { Ask } from './ask.tsx'
import { Facts } from './facts.tsx'
import { ExactInstant } from './instant.tsx'
import { words } from './words.ts'

const say = words.revoke

/** What can be named, as the admin API names it. */
export type TargetKind = keyof typeof say.kinds

interface RevokeFormProps {
  kind: string | undefined
  which: string | undefined
  reason: string | undefined
  error?: string | undefined
  /** Those that the visitor's role may end. */
  kinds: readonly TargetKind[]
}

/** Where one says what to end. It leads to the preview: nothing ends here. */
export function RevokeForm({ kind, which, reason, error, kinds }: RevokeFormProps) {
  return (
    <>
      <p class="lead">{say.lead}</p>
      {error !== undefined && <Notice tone="danger">{error}</Notice>}
      <form class="ask" method="get" action="/admin/revoke/preview">
        <label for="kind">{say.what}</label>
        <select id="kind" name="kind">
          {kinds.map((name) => (
            <option value={name} selected={name === kind}>
              {say.kinds[name]}
            </option>
          ))}
        </select>
        <label for="which">{say.which}</label>
        <p id="which-hint" class="small">
          {say.whichHint}
        </p>
        <input
          id="which"
          name="which"
          type="text"
          value={which}
          autocomplete="off"
          autocapitalize="none"
          aria-describedby="which-hint"
        />
        <label for="reason">{say.reason}</label>
        <input id="reason" name="reason" type="text" value={reason} maxlength={200} autocomplete="off" />
        <div class="acts">
          <button class="button primary" type="submit">
            {say.preview}
          </button>
        </div>
      </form>
    </>
  )
}

interface PreviewProps {
  /** As the API takes it: one target, and a reason. */
  request: Readonly<Record<string, string>>
  target: string
  href: string | undefined
  ended: { sessions: number; grants: number } | null
  reachesEverybody: boolean
  stalenessSeconds: number
  csrf: string
  confirmation: string
  error?: string | undefined
}

/** What would end, counted; and the button that ends it. */
export function Preview(props: PreviewProps) {
  const { request, target, href, ended, reachesEverybody, csrf, confirmation, error } = props
  return (
    <>
      {error !== undefined && <Notice tone="caution">{error}</Notice>}
      <Facts
        of={{
          [say.target]: href === undefined ? target : <a href={href}>{target}</a>,
          [say.sessions]: ended && <strong id="sessions">{ended.sessions.toLocaleString('en')}</strong>,
          [say.grants]: ended && <strong id="grants">{ended.grants.toLocaleString('en')}</strong>,
          [say.reason]: request['reason'],
          [say.bound]: say.boundHint(props.stalenessSeconds),
          [say.expired]: say.expiredHint,
        }}
      />
      {ended === null && <p>{say.untouched}</p>}
      {ended?.sessions === 0 && ended.grants === 0 && <p>{say.nothing}</p>}
      <Ask
        action="/admin/revoke"
        csrf={csrf}
        fields={{ ...request, confirmation }}
        act={say.act}
        back={href ?? '/admin/revoke'}
        isDangerous
      >
        {reachesEverybody && (
          <label class="choice" for="understood">
            <input id="understood" name="understood" type="checkbox" value="on" required />
            <span>{say.understood}</span>
          </label>
        )}
      </Ask>
    </>
  )
}

interface ReceiptProps {
  target: string
  sessions: string
  grants: string
  position: string
  bound: string
  expiredBy: string
  /** Where the services that follow the feed stand now. */
  enforced: 'all' | 'pending'
  verifiers: { live: number; acked: number; lapsed: number }
  here: string
}

/** What ended, and who obeys it by now. Looking again tells how it stands then. */
export function ReceiptBody({ enforced, verifiers, here, ...props }: ReceiptProps) {
  const { live, acked } = verifiers
  return (
    <>
      <Facts
        of={{
          [say.target]: props.target,
          [say.sessions]: props.sessions,
          [say.grants]: props.grants,
          [say.position]: props.position,
          [say.enforced]: (
            <span id="enforced">
              {enforced === 'all' ? (
                live === 0 ? (
                  say.byNobody
                ) : (
                  say.byAll(live)
                )
              ) : (
                <>
                  {say.bySome(acked, live)} <ExactInstant at={props.bound} />. <a href={here}>{say.lookAgain}</a>
                </>
              )}
            </span>
          ),
          [say.expiredBy]: <ExactInstant at={props.expiredBy} />,
        }}
      />
      <p>
        <a href="/admin/revoke">{say.another}</a>
      </p>
    </>
  )
}
