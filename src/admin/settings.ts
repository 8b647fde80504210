import { isDeepStrictEqual } from 'node:util'
import type { Actor } from '../domain/ending.ts'
import { checkFields, type Document, withoutNulls } from '../domain/field.ts'
import { profileRefusal } from '../settings/compliance.ts'
import { type ConfiguredPolicy, type PolicyValues, policyFields, toPolicy } from '../settings/policy.ts'
import { settings } from '../settings/table.ts'
import { insertAuditEvent } from '../store/audit.ts'
import type { Database, Queries } from '../store/database.ts'
import { type HeldSettings, lockSettings, readSettings, writeSettings } from '../store/policy.ts'
import { type Changes, changedMembers, requireVersion } from './document.ts'
import { badField } from './problem.ts'
import type { AdminTools } from './tools.ts'

/** The settings that hold now, under the names of their environment variables. There are few: one page. */
export async function listSettings(tools: AdminTools): Promise<Document> {
  return showSettings(await readSettings(tools.db), tools)
}

/** Sets settings over what the environment says, for every instance; null takes one back to the environment. @throws {Problem} */
export function changeSettings(patch: Document, actor: Actor, tools: AdminTools, ifMatch?: string): Promise<Document> {
  return tools.db.transaction(async (tx) => {
    const held = await lockSettings(tx)
    requireVersion(showSettings(held, tools), ifMatch)
    return showSettings(await changeHeld(tx, held, patch, actor), tools)
  })
}

/** What is held after a patch, in the transaction that has locked it. @throws {Problem} */
export async function changeHeld(
  tx: Queries,
  held: HeldSettings,
  patch: Document,
  actor: Actor,
): Promise<HeldSettings> {
  const after = patchedSettings(held, patch)
  await replace(tx, held, after, actor)
  return after
}

/** @throws {Problem} */
export function patchedSettings(held: HeldSettings, patch: Document): HeldSettings {
  requireSettable(patch)
  const after = { ...held, overrides: withoutNulls({ ...held.overrides, ...patch }) }
  requireAllowed(after)
  return after
}

/** What comes to hold instead of what, and also what holds as before and is decided by somebody else. */
export function differences(before: HeldSettings, after: HeldSettings): Changes {
  const [from, to] = [holding(before), holding(after)]
  const names = new Set([...changedMembers(from, to), ...changedMembers(before.overrides, after.overrides)])
  return Object.fromEntries([...names].map((name) => [name, { from: from[name] ?? null, to: to[name] ?? null }]))
}

/**
 * Writes what the environment of an instance says, which is starting: the last one to start decides, under what administrators have set.
 * What they have set and the compliance profile of the environment does not allow is taken back.
 */
export async function holdConfigured(db: Database, configured: ConfiguredPolicy): Promise<void> {
  const isAllowed = ([name, value]: [string, unknown]) =>
    profileRefusal(configured.COMPLIANCE_PROFILE, name, value) === undefined
  await db.transaction(async (tx) => {
    const held = await lockSettings(tx)
    const overrides = Object.fromEntries(Object.entries(held.overrides).filter(isAllowed))
    await replace(tx, held, { configured: withoutNulls({ ...configured }), overrides }, { id: 'system' })
  })
}

/** Nothing is written and nothing audited when it is as it was: every instance says the same at its start. */
async function replace(tx: Queries, before: HeldSettings, after: HeldSettings, actor: Actor): Promise<void> {
  if (isDeepStrictEqual(before, after)) return
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each was checked when it came in, and all of them are there
  await writeSettings(tx, after, toPolicy(holding(after) as unknown as PolicyValues))
  const changes = differences(before, after)
  const isFirst = Object.keys(before.configured).length === 0
  if (isFirst || Object.keys(changes).length === 0) return
  await insertAuditEvent(tx, { type: 'settings.changed', actor, targetKind: 'server', detail: { changes } })
}

const holding = ({ configured, overrides }: HeldSettings): Document => ({ ...configured, ...overrides })

function requireSettable(patch: Document): void {
  const stranger = Object.keys(patch).find((name) => !Object.hasOwn(policyFields, name))
  if (stranger !== undefined) {
    const isSetting = Object.hasOwn(settings, stranger)
    throw badField({
      path: [stranger],
      detail: isSetting ? 'comes from the environment of each instance: set it there' : 'is not known',
    })
  }
  const problem = checkFields(policyFields, withoutNulls(patch))
  if (problem) throw badField(problem)
}

function requireAllowed({ configured, overrides }: HeldSettings): void {
  for (const [name, value] of Object.entries(overrides)) {
    const detail = profileRefusal(configured['COMPLIANCE_PROFILE'], name, value)
    if (detail !== undefined) throw badField({ path: [name], detail })
  }
}

/** `source` is the database for what holds for every instance, and may be set; the others are those of the instance that answers. */
function showSettings(held: HeldSettings, { lifetimes, keyPolicy, feed }: AdminTools): Document {
  const holds = holding(held)
  const ofAll = Object.keys(policyFields).map((name) => ({
    name,
    value: holds[name] ?? null,
    source: 'database',
    configured: held.configured[name] ?? null,
    overridden: Object.hasOwn(held.overrides, name),
  }))
  const ofInstance = Object.entries({
    ACCESS_TOKEN_TTL_SECONDS: lifetimes.accessTokenSeconds,
    AUTHORIZATION_CODE_TTL_SECONDS: lifetimes.authorizationCodeSeconds,
    LOGIN_TRANSACTION_TTL_SECONDS: lifetimes.loginTransactionSeconds,
    KEY_PUBLISH_LEAD_SECONDS: keyPolicy.publishLeadSeconds,
    KEY_ROTATION_SECONDS: keyPolicy.rotationSeconds,
    FEED_MAX_STALENESS_SECONDS: feed.policy.maxStalenessSeconds,
    FEED_MAX_CONNECTIONS: feed.policy.mostConnections,
  }).map(([name, value]) => ({ name, value, source: 'environment', configured: value, overridden: false }))
  return { items: [...ofAll, ...ofInstance], next_cursor: null }
}
