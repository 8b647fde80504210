import { sha256 } from '../crypto/hash.ts'
import { type Document, withoutNulls } from '../domain/field.ts'
import { normalizeIdentifier } from '../domain/identifier.ts'
import { patchedMetadata } from './clients.ts'
import type { Path, Section } from './config-schema.ts'
import { withoutName } from './config-schema.ts'
import type { ConfigurationState } from './configuration-state.ts'
import { changesBetween } from './document.ts'
import { Problem } from './problem.ts'
import { membersOfResource, patchedDefinition } from './resources.ts'
import { differences, patchedSettings } from './settings.ts'
import { membersOfUser, patchedProfile } from './users.ts'

export type Action = 'create' | 'change' | 'delete' | 'keep'

/** What happens to a member: its values, or of a secret only that it is another one. */
export type Change = { readonly from: unknown; readonly to: unknown } | 'changed'

/** One thing that is declared, or that will be deleted because it is not. */
export interface Step {
  readonly section: Section
  /** Where it stands in its list; undefined for the settings, and for what is deleted. */
  readonly index?: number
  /** identifier, client_id or username; of the settings that it is those of the server. */
  readonly id: string
  readonly action: Action
  readonly changes: Readonly<Record<string, Change>>
  /** What is declared, without the secret. */
  readonly entry: Document
  readonly secret?: string
  /** Of a user who gets another password. */
  readonly newHash?: string
  /** It takes sessions or grants with it. */
  readonly ends: boolean
}

/** A user that is declared, the password compared with the stored one and hashed if it is another. */
export interface PreparedUser {
  readonly entry: Document
  readonly username: string
  /** What was stored; undefined when there was no such user. */
  readonly seenHash: string | null | undefined
  readonly newHash: string | undefined
}

export interface Prepared {
  readonly settings: Document
  readonly resources: readonly Document[]
  readonly clients: readonly Document[]
  readonly users: readonly PreparedUser[]
  readonly prune: boolean
  /** Never deleted: who deletes the client that it asks as cannot ask again. */
  readonly keptClient: string | undefined
}

/** What has to happen so that everything is as it is declared. @throws {Problem} whose path leads to the entry */
export function stepsTo(declared: Prepared, state: ConfigurationState): Step[] {
  const steps = [
    ...settingsStep(declared.settings, state),
    ...declared.resources.map((entry, index) => at(['resources', index], () => resourceStep(entry, index, state))),
    ...declared.clients.map((entry, index) => at(['clients', index], () => clientStep(entry, index, state))),
    ...declared.users.map((user, index) => at(['users', index], () => userStep(user, index, state))),
  ]
  refuseTwice(steps)
  return declared.prune ? [...steps, ...deletions(steps, declared, state)] : steps
}

/** Turns the problem with an entry into one of the whole declaration. */
export function at<T>(where: Path, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw lifted(where, error)
  }
}

export function lifted(where: Path, error: unknown): unknown {
  if (!(error instanceof Problem)) return error
  const inside = error.path ?? []
  const path = [...where, ...inside]
  return new Problem(error.type, `${path.join('.')} ${withoutName(inside.join('.'), error.detail)}`, path)
}

function settingsStep(entry: Document, { settings }: ConfigurationState): Step[] {
  if (Object.keys(entry).length === 0) return []
  const after = at(['settings'], () => patchedSettings(settings, entry))
  return [{ section: 'settings', id: 'server', entry, ends: false, ...differing(differences(settings, after)) }]
}

function resourceStep(entry: Document, index: number, { resources }: ConfigurationState): Step {
  const { identifier, ...patch } = entry
  if (typeof identifier !== 'string') throw required('identifier')
  const before = resources.get(identifier)?.resource
  const base = { section: 'resources', index, id: identifier, entry, ends: false } as const
  if (!before) return { ...base, action: 'create', changes: asNew(patch) }
  const after = patchedDefinition(before, patch)
  return { ...base, ...differing(changesBetween(membersOfResource(before), membersOfResource(after))) }
}

function clientStep(given: Document, index: number, { clients, secretHashes }: ConfigurationState): Step {
  const { client_secret: secret, ...entry } = given
  const { client_id: clientId, ...patch } = entry
  if (typeof clientId !== 'string') throw required('client_id')
  const hasSecret = typeof secret === 'string'
  if (!hasSecret && secret !== undefined && secret !== null)
    throw new Problem('invalid_field', 'client_secret must be a text', ['client_secret'])
  const base = { section: 'clients', index, id: clientId, entry, ...(hasSecret ? { secret } : {}) } as const
  const before = clients.get(clientId)?.metadata
  if (!before) {
    if (!hasSecret && entry['token_endpoint_auth_method'] !== 'none')
      throw new Problem('invalid_field', 'client_secret is required, or token_endpoint_auth_method: none', [
        'client_secret',
      ])
    return { ...base, action: 'create', changes: { ...asNew(patch), ...(hasSecret ? secretChanged : {}) }, ends: false }
  }
  const after = patchedMetadata(before, patch)
  const isOther = hasSecret && !(secretHashes.get(clientId) ?? []).some((hash) => hash.equals(sha256(secret)))
  const changes = { ...changesBetween(before, after), ...(isOther ? secretChanged : {}) }
  return { ...base, ...differing(changes), ends: after.disabled && !before.disabled }
}

const secretChanged = { client_secret: 'changed' } as const

function userStep({ entry, username, newHash }: PreparedUser, index: number, { users }: ConfigurationState): Step {
  const before = users.get(normalizeIdentifier(username))?.record.user
  const password = newHash === undefined ? {} : ({ password: 'changed' } as const)
  const base = { section: 'users', index, id: username, entry, ...(newHash === undefined ? {} : { newHash }) } as const
  if (!before) {
    const { username: _, ...members } = entry
    return { ...base, action: 'create', changes: { ...asNew(members), ...password }, ends: false }
  }
  const after = patchedProfile(before, entry)
  const changes = { ...changesBetween(membersOfUser(before), membersOfUser(after)), ...password }
  return { ...base, ...differing(changes), ends: newHash !== undefined }
}

function differing(changes: Readonly<Record<string, Change>>): Pick<Step, 'action' | 'changes'> {
  return { action: Object.keys(changes).length > 0 ? 'change' : 'keep', changes }
}

const asNew = (members: Document): Record<string, Change> =>
  Object.fromEntries(Object.entries(withoutNulls(members)).map(([name, to]) => [name, { from: null, to }]))

/** How the member is called that names an entry of a list. */
const naming = { settings: '', resources: 'identifier', clients: 'client_id', users: 'username' } as const
const required = (member: string) => new Problem('invalid_field', `${member} is required`, [member])

function refuseTwice(steps: readonly Step[]): void {
  const seen = new Set<string>()
  for (const { section, id, index = 0 } of steps) {
    const key = `${section} ${section === 'users' ? normalizeIdentifier(id) : id}`
    const path = [section, index, naming[section]]
    if (seen.has(key)) throw new Problem('invalid_field', `${path.join('.')} is there twice`, path)
    seen.add(key)
  }
}

/**
 * Clients, then resources: one of the latter may be what one of the former names. Never users: most of them come from elsewhere than a file, and
 * a file that forgets them would delete every one.
 */
function deletions(
  steps: readonly Step[],
  { keptClient }: Prepared,
  { clients, resources }: ConfigurationState,
): Step[] {
  const isNamed = (section: Section, id: string) => steps.some((step) => step.section === section && step.id === id)
  const gone = (section: Section, id: string): Step => ({
    section,
    id,
    action: 'delete',
    changes: {},
    entry: {},
    ends: section === 'clients',
  })
  return [
    ...[...clients.keys()]
      .filter((id) => id !== keptClient && !isNamed('clients', id))
      .map((id) => gone('clients', id)),
    ...[...resources.keys()].filter((id) => !isNamed('resources', id)).map((id) => gone('resources', id)),
  ]
}
