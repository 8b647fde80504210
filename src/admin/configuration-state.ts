import { sha256 } from '../crypto/hash.ts'
import { normalizeIdentifier } from '../domain/identifier.ts'
import { type ClientRecord, listClients, lockClientRecord } from '../store/client-records.ts'
import { readCurrentSecretHashes } from '../store/configuration-state.ts'
import type { Queries } from '../store/database.ts'
import { type HeldSettings, lockSettings, readSettings } from '../store/policy.ts'
import { listResources, lockResource, type ResourceRecord } from '../store/resource-records.ts'
import { findUserByName, lockUserRecord, type UserRecord } from '../store/user-records.ts'

/** What a declaration is compared with: the settings, all resources and clients, and the users that it names. */
export interface ConfigurationState {
  readonly settings: HeldSettings
  readonly resources: ReadonlyMap<string, ResourceRecord>
  readonly clients: ReadonlyMap<string, ClientRecord>
  readonly secretHashes: ReadonlyMap<string, readonly Buffer[]>
  /** By the name as it is compared. */
  readonly users: ReadonlyMap<string, StoredUser>
}

export interface StoredUser {
  readonly record: UserRecord
  readonly passwordHash: string | null
}

/** Something is not as it was when it was compared: nothing of the attempt may stay. */
export class ChangedMeanwhile extends Error {
  override readonly name = 'ChangedMeanwhile'
}

/** There are few of them: an administrator wrote each. */
const all = { limit: 100_000 }

export async function readConfigurationState(db: Queries, usernames: readonly string[]): Promise<ConfigurationState> {
  const settings = await readSettings(db)
  const resources = await listResources(db, all)
  const clients = await listClients(db, all)
  const secretHashes = await readCurrentSecretHashes(db)
  const users = new Map<string, StoredUser>()
  for (const username of usernames) {
    const found = await findUserByName(db, username)
    if (found) users.set(normalizeIdentifier(username), found)
  }
  return {
    settings,
    resources: new Map(resources.map((record) => [record.resource.identifier, record])),
    clients: new Map(clients.map((record) => [record.clientId, record])),
    secretHashes,
    users,
  }
}

/** The same exactly when the state is. It tells nothing about a secret: what goes in is hashed already. */
export function digestOf({ settings, resources, clients, secretHashes, users }: ConfigurationState): string {
  const state = [
    settings.overrides,
    [...resources.values()].map(({ resource }) => resource),
    sorted(clients).map(([id, { metadata }]) => [
      id,
      metadata,
      (secretHashes.get(id) ?? []).map((h) => h.toString('hex')),
    ]),
    sorted(users).map(([, { record, passwordHash }]) => [record.id, record.user, passwordHash]),
  ]
  return sha256(JSON.stringify(state)).toString('base64url')
}

const sorted = <T>(map: ReadonlyMap<string, T>): [string, T][] => [...map].sort(([a], [b]) => (a < b ? -1 : 1))

/** What will be changed: names of users as they are compared. */
export type ChangedNames = Readonly<Record<'settings' | 'resources' | 'clients' | 'users', readonly string[]>>

/**
 * Locks what will be changed, in the order in which everybody locks. Whatever stays as it is needs no lock: who changes that meanwhile comes
 * after us.
 */
export async function lockChanged(tx: Queries, state: ConfigurationState, names: ChangedNames): Promise<void> {
  if (names.settings.length > 0) await lockSettings(tx)
  const clients = names.clients.flatMap((id) => state.clients.get(id) ?? []).toSorted(byId)
  for (const client of clients) await lockClientRecord(tx, client.clientId)
  const users = names.users.flatMap((name) => state.users.get(name)?.record ?? []).toSorted(byId)
  for (const user of users) await lockUserRecord(tx, user.id)
  for (const identifier of names.resources.toSorted()) await lockResource(tx, identifier)
}

const byId = (a: { readonly id: string }, b: { readonly id: string }): number => (a.id < b.id ? -1 : 1)
