import { changeSettings, listSettings } from '../../admin/settings.ts'
import type { Document } from '../../domain/field.ts'
import { policyFields } from '../../settings/policy.ts'
import { page, setting } from './answers.ts'
import type { AddRoute } from './route.ts'
import type { Schema } from './schema.ts'
import { documentOf, versioned } from './shapes.ts'

const held = { answer: page(setting), isVersioned: true } as const
const listing = {
  operation: 'list_settings',
  summary: 'Lists the settings that hold now, under the names of their environment variables',
  ...held,
}
// One that cannot be set here is refused with the reason, not as if it did not exist.
const patch: Schema<Document> = { ...documentOf(policyFields), additionalProperties: true }
const change = {
  operation: 'update_settings',
  summary: 'Sets settings over the environment, on every instance and for what is alive; null takes one back to it',
  body: patch,
  confirms: () => true,
  ...held,
}

/** What the server is set to. */
export function settingRoutes(add: AddRoute): void {
  add('GET', '/settings', 'settings:read', listing, async (_request, _caller, tools) =>
    versioned(await listSettings(tools)),
  )
  add('PATCH', '/settings', 'settings:write', change, async ({ body, ifMatch }, { actor }, tools) =>
    versioned(await changeSettings(body, actor, tools, ifMatch)),
  )
}
