import { badField, notFound } from '../../admin/problem.ts'
import type { RevocationRequest } from '../../admin/revocations.ts'
import { readGrant, readSession } from '../../admin/sessions.ts'
import { readUser, readUsers } from '../../admin/users.ts'
import { normalizeIdentifier } from '../../domain/identifier.ts'
import type { Parameters } from '../../domain/parameters.ts'
import { parseUuid } from '../../domain/uuid.ts'
import { words } from '../views/console/words.ts'
import type { ConsoleTools } from './visitor.ts'

const kinds = ['session_id', 'grant_id', 'user_id', 'client_id', 'jti', 'kid'] as const
type Kind = (typeof kinds)[number]

/** What is to end: as the procedures take it, and as a form carries it on. */
export interface Target {
  readonly kind: Kind | 'all'
  readonly id: string
  readonly request: RevocationRequest
  readonly fields: Readonly<Record<string, string>>
}

/**
 * The target that a form (`kind` and `which`) or a link (`session_id` and the like) names. A user may be named by name.
 * @throws {Problem} invalid_field, not_found
 */
export async function targetOf(given: Parameters, tools: ConsoleTools): Promise<Target> {
  const reason = given.get('reason')
  const why: Record<string, string> = reason === undefined ? {} : { reason: reason.slice(0, 200) }
  const linked = kinds.find((name) => given.get(name) !== undefined)
  const kind = linked ?? (given.get('all') === undefined ? given.get('kind') : 'all')
  if (kind === 'all') return { kind, id: '', request: { all: true, ...why }, fields: { all: 'true', ...why } }
  const known = kinds.find((name) => name === kind)
  if (known === undefined) throw badField({ path: ['kind'], detail: 'must say what to end' })
  const which = given.get(linked ?? 'which')?.trim() ?? ''
  if (which === '') throw badField({ path: ['which'], detail: 'must say which one' })
  const id = known === 'user_id' ? await userNamed(which, tools) : which
  return { kind: known, id, request: { [known]: id, ...why }, fields: { [known]: id, ...why } }
}

async function userNamed(name: string, tools: ConsoleTools): Promise<string> {
  if (parseUuid(name) !== undefined) return name
  const wanted = normalizeIdentifier(name)
  const { items } = await readUsers({ query: name, limit: 2 }, tools)
  const found = items.find(({ username, email }) =>
    [username, email].some((known) => typeof known === 'string' && normalizeIdentifier(known) === wanted),
  )
  if (!found) throw notFound('user')
  return found.id
}

/** How a person calls the target, and the page that shows it. @throws {Problem} not_found */
export async function describe(
  { kind, id }: Target,
  tools: ConsoleTools,
): Promise<{ name: string; href: string | undefined }> {
  switch (kind) {
    case 'session_id':
      return { name: words.sessions.title((await readSession(id, tools)).username), href: `/admin/sessions/${id}` }
    case 'grant_id': {
      const grant = await readGrant(id, tools)
      return { name: words.grants.title(grant.client_id, grant.kind), href: `/admin/grants/${id}` }
    }
    case 'user_id':
      return { name: (await readUser(id, tools)).username, href: `/admin/users/${id}` }
    case 'client_id':
      return { name: id, href: `/admin/clients/${encodeURIComponent(id)}` }
    case 'jti':
    case 'kid':
      return { name: `${kind} ${id}`, href: undefined }
    case 'all':
      return { name: words.revoke.kinds.all, href: undefined }
  }
  return kind satisfies never
}
