import type { Actor, Ending } from '../domain/ending.ts'
import type { Document } from '../domain/field.ts'
import { findClientRecord } from '../store/client-records.ts'
import { lockConfiguration } from '../store/configuration-lock.ts'
import type { Queries } from '../store/database.ts'
import { raiseFloor } from '../store/end.ts'
import { findResource } from '../store/resource-records.ts'
import { ensureSecretIn } from './client-secrets.ts'
import { changeClientIn, registerClientIn } from './clients.ts'
import {
  type ConfigFile,
  type Path,
  readConfigFile,
  readSecret,
  type SecretSources,
  type Section,
} from './config-schema.ts'
import { applyUser, type Outcome, type PreparedUser, prepareUser, UserChangedMeanwhile } from './config-users.ts'
import { Problem } from './problem.ts'
import { changeResourceIn, registerResourceIn } from './resources.ts'
import type { AdminTools } from './tools.ts'

/** How many entries of a file were applied, and what became of them. */
export type Applied = Readonly<Record<Outcome, number>>

const actor: Actor = { id: 'system:config' }
const attempts = 3

/**
 * Brings in what a configuration file declares: everything or nothing, and the second time nothing. An entry that exists is changed in the
 * members that the file names and keeps the others; what the file does not name stays.
 * @throws {ConfigFileError} naming the line
 */
export async function applyConfigFile(tools: AdminTools, text: string, sources: SecretSources): Promise<Applied> {
  const file = readConfigFile(text)
  const clients = await Promise.all(
    file.entries.clients.map((entry, index) => withSecret(file, entry, ['clients', index, 'client_secret'], sources)),
  )
  const passwords = await Promise.all(
    file.entries.users.map((entry, index) => withSecret(file, entry, ['users', index, 'password'], sources)),
  )
  for (let attempt = 1; ; attempt++) {
    try {
      return await applyOnce(tools, file, clients, passwords)
    } catch (error) {
      if (!(error instanceof UserChangedMeanwhile) || attempt === attempts) throw error
    }
  }
}

async function applyOnce(
  tools: AdminTools,
  file: ConfigFile,
  clients: readonly Document[],
  entries: readonly Document[],
): Promise<Applied> {
  // Passwords are compared and hashed before the transaction: they take their time.
  const users: PreparedUser[] = []
  for (const [index, entry] of entries.entries())
    users.push(await naming(file, ['users', index], () => prepareUser(entry, tools)))
  const counts = { created: 0, changed: 0, unchanged: 0 }
  const endings = await tools.db.transaction(async (tx) => {
    await lockConfiguration(tx)
    Object.assign(counts, { created: 0, changed: 0, unchanged: 0 })
    const ended: Ending[] = []
    const each = async <T>(section: Section, items: readonly T[], apply: (item: T) => Promise<Outcome>) => {
      for (const [index, item] of items.entries()) {
        const outcome = await naming(file, [section, index], () => apply(item))
        counts[outcome]++
      }
    }
    await each('resources', file.entries.resources, (entry) => applyResource(tx, entry, tools))
    await each('clients', clients, (entry) => applyClient(tx, entry, tools, ended))
    await each('users', users, (user) => applyUser(tx, user, actor, tools))
    return ended
  })
  for (const ending of endings) await raiseFloor(tools.db, ending)
  return counts
}

async function applyResource(tx: Queries, entry: Document, tools: AdminTools): Promise<Outcome> {
  const { identifier, ...patch } = entry
  if (typeof identifier !== 'string' || !(await findResource(tx, identifier))) {
    await registerResourceIn(tx, entry, actor, tools)
    return 'created'
  }
  return (await changeResourceIn(tx, identifier, patch, actor)).isChanged ? 'changed' : 'unchanged'
}

async function applyClient(tx: Queries, entry: Document, tools: AdminTools, endings: Ending[]): Promise<Outcome> {
  const { client_id: clientId, client_secret: secret, ...patch } = entry
  if (typeof clientId !== 'string') throw new Problem('invalid_field', 'client_id is required', ['client_id'])
  if (!(await findClientRecord(tx, clientId))) {
    const isPublic = entry['token_endpoint_auth_method'] === 'none'
    if (secret === undefined && !isPublic)
      throw new Problem('invalid_field', 'client_secret is required, or token_endpoint_auth_method: none', [
        'client_secret',
      ])
    await registerClientIn(tx, entry, actor)
    return 'created'
  }
  const changed = await changeClientIn(tx, clientId, patch, actor, tools)
  endings.push(...changed.endings)
  const isRotated = typeof secret === 'string' && (await ensureSecretIn(tx, clientId, { secret }, actor))
  return changed.isChanged || isRotated ? 'changed' : 'unchanged'
}

async function withSecret(file: ConfigFile, entry: Document, path: Path, sources: SecretSources): Promise<Document> {
  const member = String(path.at(-1))
  if (entry[member] === undefined || entry[member] === null) return entry
  return { ...entry, [member]: await readSecret(file, path, entry[member], sources) }
}

/** Turns the problem with an entry into an error that names its line. */
async function naming<T>(file: ConfigFile, at: Path, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof Problem)) throw error
    const inside = error.path ?? []
    // The text of a problem begins with the member; here the whole path does.
    const name = inside.join('.')
    const what = error.detail.startsWith(`${name} `) ? error.detail.slice(name.length + 1) : error.detail
    throw file.error([...at, ...inside], what)
  }
}
