import type { Declaration } from '../../admin/configuration.ts'
import { applyConfiguration, planConfiguration } from '../../admin/configuration.ts'
import { exportConfiguration } from '../../admin/configuration-export.ts'
import type { Document } from '../../domain/field.ts'
import type { AddRoute } from './route.ts'
import { type Accepted, boolean, list, named, nullable, object, record, type Schema, string, value } from './schema.ts'

/** Some thousand clients. */
const bodyBytes = 1024 * 1024

const sections = ['settings', 'resources', 'clients', 'users'] as const
// What an entry may hold is checked where it is applied, with the same words as for a file.
const entries: Schema<readonly Document[]> = { type: 'array', items: { type: 'object' }, maxItems: 5000 }
const settings: Schema<Document> = { type: 'object' }
const declared = { settings, resources: entries, clients: entries, users: entries }
const pruned = { ...boolean, description: 'Delete the clients and resources that are not named' }
const wanted = object({}, { ...declared, prune: pruned })
const expected = string({
  maxLength: 100,
  description: 'The digest of a plan: refused when the state is another one now',
})
const applied = object({}, { ...declared, prune: pruned, expected })

const counts: Schema<number> = { type: 'integer' }
const plan = named(
  'ConfigurationPlan',
  record({
    digest: { type: 'string', description: 'Of the state that it was made against' },
    entries: list(
      record(
        {
          section: value(...sections),
          id: { type: 'string', description: 'identifier, client_id or username; of the settings, server' },
          action: value('create', 'change', 'delete', 'keep'),
        },
        {
          changes: {
            type: 'object',
            description: 'By member; of a secret only that it changes',
            additionalProperties: { anyOf: [record({ from: {}, to: {} }), value('changed')] },
          },
          ends: {
            ...nullable(record({ sessions: counts, grants: counts })),
            description:
              'The living sessions and grants that it ends; null for a client that was ended: they are not counted then',
          },
        },
      ),
    ),
    counts: record({ create: counts, change: counts, delete: counts, keep: counts }),
  }),
)

const exporting = {
  operation: 'export_configuration',
  summary: 'Shows settings, resources, clients and users as a configuration file declares them, without secrets',
  querystring: object({}, { users: value('true', 'false') }),
  answer: named(
    'Configuration',
    record({ settings: { type: 'object' }, resources: list({}), clients: list({}), users: list({}) }),
  ),
}
const planning = {
  operation: 'plan_configuration',
  summary: 'Tells what apply would change and end, and changes nothing',
  body: wanted,
  bodyBytes,
  answer: plan,
}
const applying = {
  operation: 'apply_configuration',
  summary: 'Brings in what is declared, all of it or nothing',
  body: applied,
  confirms: ({ prune, settings }: Document) => prune === true || settings !== undefined,
  bodyBytes,
  answer: plan,
}

/** The declarative configuration: what CONFIG_FILE does at a start, whenever it is wanted. */
export function configurationRoutes(add: AddRoute): void {
  add('GET', '/configuration', 'admin', exporting, async ({ query }, _caller, tools) => ({
    body: await exportConfiguration(query.users !== 'false', tools),
  }))
  add('POST', '/configuration/plan', 'admin', planning, async ({ body }, { actor }, tools) => ({
    body: await planConfiguration(declarationOf(body), actor, tools),
  }))
  add('POST', '/configuration/apply', 'admin', applying, async ({ body }, { actor }, tools) => ({
    body: await applyConfiguration(declarationOf(body), actor, tools),
  }))
}

const declarationOf = ({
  settings = {},
  resources = [],
  clients = [],
  users = [],
  prune = false,
  ...rest
}: Accepted<typeof applied>): Declaration => ({
  settings,
  resources,
  clients,
  users,
  prune,
  ...(rest.expected === undefined ? {} : { expected: rest.expected }),
})
