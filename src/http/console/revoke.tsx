import { waitForReceipt } from '../../admin/enforcement.ts'
import { Problem, problemTypes } from '../../admin/problem.ts'
import { needsAdmin, type RevocationRequest, revoke } from '../../admin/revocations.ts'
import { ConfirmationNeeded, confirmationOf, requireConfirmation } from '../admin/person.ts'
import { Preview, ReceiptBody, RevokeForm, type TargetKind } from '../views/console/revoke.tsx'
import { words } from '../views/console/words.ts'
import type { Pages, Shown, Visit } from './page.tsx'
import { describe, type Target, targetOf } from './target.ts'
import type { ConsoleTools } from './visitor.ts'

const say = words.revoke
const path = '/admin/revoke'
const receiptList = 'console receipt'
/** The services that listen have obeyed by then, unless something is wrong with one. */
const patienceSeconds = 2

/** The way to an ending: say what, see what that would end, end it, see who obeys. */
export function revokePages(pages: Pages, tools: ConsoleTools): void {
  pages.get('/revoke', 'sessions:revoke', async (visit) => form(visit, {}))

  pages.question('/revoke/preview', 'sessions:revoke', async (visit) => {
    try {
      return await preview(visit, await targetOf(visit.query, tools))
    } catch (error) {
      // What was typed is shown again, with what is wrong about it.
      if (!(error instanceof Problem) || problemTypes[error.type].status === 403) throw error
      const said = error.type === 'not_found' ? say.unknown : `${error.detail}.`
      return form(visit, { kind: visit.query.get('kind'), which: visit.query.get('which'), error: said })
    }
  })

  pages.post('/revoke', 'sessions:revoke', async (sent) => {
    const { form: given, visitor } = sent
    const target = await targetOf(given, tools)
    const { request } = target
    if (needsAdmin(request)) visitor.require('admin')
    if (needsAdmin(request) && given.get('understood') !== 'on') return preview(sent, target, say.missing)
    try {
      requireConfirmation(visitor.person, confirmed(request), given.get('confirmation'), tools.seal)
    } catch (error) {
      if (error instanceof ConfirmationNeeded) return preview(sent, target, say.late)
      throw error
    }
    const { name } = await describe(target, tools)
    const { position, ended, bound, expired_by: expiredBy } = await revoke(request, visitor.actor, tools)
    const counts = [ended?.sessions, ended?.grants].map((count) => (count === undefined ? '' : String(count)))
    const receipt = tools.cursors.write(receiptList, [name, ...counts, String(position), bound, expiredBy])
    return { goTo: `${path}/receipt?${new URLSearchParams({ of: receipt })}` }
  })

  pages.get('/revoke/receipt', 'sessions:revoke', async ({ query }) => {
    const of = query.get('of') ?? ''
    const [name, sessions = '', grants = '', position = '', bound = '', expiredBy = ''] =
      tools.cursors.read(receiptList, of) ?? []
    if (name === undefined) throw new Problem('not_found', 'There is no such receipt')
    const standing = await waitForReceipt(Number(position), tools, patienceSeconds)
    const here = `${path}/receipt?${new URLSearchParams({ of })}`
    const told = { target: name, sessions, grants, position, bound, expiredBy, here }
    return { section: 'revoke', title: say.receiptTitle, body: <ReceiptBody {...told} {...standing} /> }
  })

  async function preview({ visitor, csrf }: Visit, target: Target, error?: string): Promise<Shown> {
    const { request } = target
    if (needsAdmin(request)) visitor.require('admin')
    const { name, href } = await describe(target, tools)
    const { ended } = await revoke({ ...request, dry_run: true }, visitor.actor, tools)
    const body = (
      <Preview
        request={target.fields}
        target={name}
        href={href}
        ended={ended}
        reachesEverybody={needsAdmin(request)}
        stalenessSeconds={tools.feed.policy.maxStalenessSeconds}
        csrf={csrf}
        confirmation={confirmationOf(visitor.person, confirmed(request), tools.seal)}
        error={error}
      />
    )
    return { section: 'revoke', title: say.previewTitle, body, ...(error === undefined ? {} : { status: 409 }) }
  }
}

function form(
  { visitor, query }: Visit,
  given: { kind?: string | undefined; which?: string | undefined; error?: string },
): Shown {
  const all = Object.keys(say.kinds) as TargetKind[]
  const kinds = all.filter((kind) => !needsAdmin({ [kind]: true }) || visitor.may('admin'))
  const body = (
    <RevokeForm kind={given.kind} which={given.which} reason={query.get('reason')} error={given.error} kinds={kinds} />
  )
  return {
    section: 'revoke',
    title: words.sections.revoke,
    body,
    ...(given.error === undefined ? {} : { status: 400 }),
  }
}

/** What a confirmation is bound to. The members come in the order in which `targetOf` puts them. */
const confirmed = (request: RevocationRequest) => ['console revoke', request]
