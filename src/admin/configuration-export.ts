import { isDeepStrictEqual } from 'node:util'
import { type ClientMetadata, clientFields, readClientMetadata } from '../domain/client-metadata.ts'
import type { Document } from '../domain/field.ts'
import { resourceFields } from '../domain/resource-definition.ts'
import { userFields } from '../domain/user-profile.ts'
import { policyFields } from '../settings/policy.ts'
import { listUsers } from '../store/user-records.ts'
import type { Entries } from './config-schema.ts'
import { readConfigurationState } from './configuration-state.ts'
import { Problem } from './problem.ts'
import { membersOfResource } from './resources.ts'
import type { AdminTools } from './tools.ts'
import { membersOfUser } from './users.ts'

/** More of them are no configuration: they come from elsewhere. */
const mostUsers = 1000

/**
 * What somebody has set over the environment, all resources and clients, and the users if they are wanted, as a file declares them: without
 * secrets, without what is the default, in an order that stays. To apply it changes nothing.
 * @throws {Problem} conflict when there are too many users
 */
export async function exportConfiguration(withUsers: boolean, tools: AdminTools): Promise<Entries> {
  const { settings, resources, clients } = await readConfigurationState(tools.db, [])
  const users = withUsers ? await listUsers(tools.db, { limit: mostUsers + 1 }) : []
  if (users.length > mostUsers)
    throw new Problem('conflict', `There are more than ${mostUsers} users: export without them, with users=false`)
  return {
    settings: ordered(Object.keys(policyFields), settings.overrides),
    resources: byName(
      [...resources.values()].map(({ resource }) => resourceEntry(membersOfResource(resource))),
      'identifier',
    ),
    clients: byName(
      [...clients.values()].map(({ clientId, metadata }) => clientEntry(clientId, metadata)),
      'client_id',
    ),
    users: byName(
      users.map(({ user }) => userEntry(membersOfUser(user))),
      'username',
    ),
  }
}

const byName = (entries: Document[], name: string): Document[] =>
  entries.toSorted((a, b) => (String(a[name]) < String(b[name]) ? -1 : 1))

const resourceEntry = ({ signing_alg: alg, ...members }: Document): Document =>
  ordered(Object.keys(resourceFields), alg === 'ES256' ? members : { ...members, signing_alg: alg })

const userEntry = ({ email_verified: isVerified, ...members }: Document): Document =>
  ordered(Object.keys(userFields), isVerified === true ? { ...members, email_verified: true } : members)

function clientEntry(clientId: string, metadata: ClientMetadata): Document {
  const { grant_types, redirect_uris, application_type } = metadata
  const plain = readClientMetadata({ grant_types, redirect_uris, application_type })
  const defaults: Document =
    'metadata' in plain
      ? { ...plain.metadata, grant_types: ['authorization_code'], redirect_uris: [], application_type: 'web' }
      : {}
  const named = Object.fromEntries(
    Object.entries(metadata).filter(([name, value]) => !isDeepStrictEqual(defaults[name], value)),
  )
  // One of the two follows from the other.
  if (named['refresh_grace_seconds'] === 0 && named['single_flight'] === true) delete named['refresh_grace_seconds']
  const read = readClientMetadata(named)
  const isWhole = 'metadata' in read && isDeepStrictEqual(read.metadata, { ...metadata })
  return { client_id: clientId, ...ordered(Object.keys(clientFields), isWhole ? named : metadata) }
}

const ordered = (names: readonly string[], members: Document): Document =>
  Object.fromEntries(names.filter((name) => name in members).map((name) => [name, members[name]]))
