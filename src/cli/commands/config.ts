import { readFile } from 'node:fs/promises'
import { stringify } from 'yaml'
import {
  type ConfigFile,
  ConfigFileError,
  type Entries,
  readConfigFile,
  resolveSecrets,
} from '../../admin/config-schema.ts'
import type { Document } from '../../domain/field.ts'
import { Failure } from '../command.ts'
import type { Context, Handler } from '../definition.ts'
import { createPrivateFile } from '../private-file.ts'
import { confirm, readAll } from '../prompt.ts'
import { Refused } from '../refusal.ts'
import { plain, type Terminal } from '../terminal.ts'
import { counted } from './receipt.ts'

interface Entry {
  readonly section: string
  readonly id: string
  readonly action: 'create' | 'change' | 'delete' | 'keep'
  readonly changes?: Readonly<Record<string, { from: unknown; to: unknown } | 'changed'>>
  readonly ends?: Document | null
}

interface Plan {
  readonly digest: string
  readonly entries: readonly Entry[]
  readonly counts: Readonly<Record<Entry['action'], number>>
}

/** A file, with the secrets that it names. */
interface Declared {
  readonly name: string
  readonly file: ConfigFile
  readonly entries: Entries
}

export const plan: Handler = async (context) => {
  const { terminal } = context
  const declared = await read(context)
  const planned = await send(context, declared, 'plan', {})
  if (terminal.isJson) return terminal.json(planned)
  await describe(terminal, planned)
}

export const apply: Handler = async (context) => {
  const { terminal } = context
  const declared = await read(context)
  const planned = await send(context, declared, 'plan', {})
  if (!terminal.isJson) await describe(terminal, planned)
  const { create, change, delete: gone } = planned.counts
  if (create + change + gone === 0) return terminal.isJson ? terminal.json(planned) : undefined
  await confirmLosses(context, planned)
  // What was shown is what is done: if somebody changes anything meanwhile, it is refused.
  const applied = await send(context, declared, 'apply', { expected: planned.digest })
  if (terminal.isJson) return terminal.json(applied)
  const { counts } = applied
  await terminal.print(`Applied: ${counts.create} created, ${counts.change} changed, ${counts.delete} deleted.`)
}

export const exportAll: Handler = async (context) => {
  const { given, terminal } = context
  const api = await context.api()
  const query = given.flag('without-users') ? { users: 'false' } : {}
  const all = await api.get('/configuration', 'admin', query)
  const text = terminal.isJson ? `${JSON.stringify(all, null, 2)}\n` : fileOf(all, api.url)
  const output = given.text('output')
  if (output === undefined) return terminal.write(text)
  const file = createPrivateFile(output)
  await file.write(text)
  await file.close()
  terminal.note(`Written to ${output}.`)
}

async function read({ args, env, terminal }: Context): Promise<Declared> {
  const [name = '-'] = args
  const text = name === '-' ? await readAll(terminal.input) : await readNamed(name)
  return namingFile(name, async () => {
    const file = readConfigFile(text)
    const sources = {
      production: env['NODE_ENV'] === 'production',
      env,
      readFile: (path: string) => readFile(path, 'utf8'),
    }
    return { name, file, entries: await resolveSecrets(file, sources) }
  })
}

async function readNamed(name: string): Promise<string> {
  return readFile(name, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new Failure(`${name} cannot be read (${error.code ?? error.message}).`)
  })
}

async function send(
  context: Context,
  { name, file, entries }: Declared,
  what: 'plan' | 'apply',
  more: Document,
): Promise<Plan> {
  const api = await context.api()
  const body = { ...entries, prune: context.given.flag('prune'), ...more }
  return namingFile(name, async () => {
    try {
      return (await api.call('POST', `/configuration/${what}`, 'admin', { body })) as unknown as Plan
    } catch (error) {
      throw error instanceof Refused ? withLine(error, file) : error
    }
  })
}

/** A refusal that leads to an entry is one of a line of the file. */
function withLine(refused: Refused, file: ConfigFile): Error {
  const { pointer, detail } = refused.problem
  const isInFile =
    typeof pointer === 'string' && typeof detail === 'string' && /^\/(settings|resources|clients|users)\b/.test(pointer)
  return isInFile ? file.refusal(pointer, detail) : refused
}

async function namingFile<T>(name: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof ConfigFileError)) throw error
    throw new Failure(`${name === '-' ? 'The standard input' : name}, ${plain(error.message)}.`)
  }
}

/** Asks before anybody loses access. */
async function confirmLosses(context: Context, { entries, counts }: Plan): Promise<void> {
  const ending = entries.filter(({ ends }) => ends)
  if (ending.length === 0 && counts.delete === 0) return
  const sum = (what: 'sessions' | 'grants') => ending.reduce((total, { ends }) => total + Number(ends?.[what] ?? 0), 0)
  const ended = { sessions: sum('sessions'), grants: sum('grants') }
  await confirm(context, `This deletes ${counts.delete} of them and ends ${counted(ended)}.`, 'apply')
}

async function describe(terminal: Terminal, { entries, counts }: Plan): Promise<void> {
  const { green, red, yellow, dim } = terminal.style
  const marks = { create: green('+'), change: yellow('~'), delete: red('-'), keep: '=' }
  for (const { section, id, action, changes = {}, ends } of entries) {
    if (action === 'keep') continue
    await terminal.print(`${marks[action]} ${section} ${plain(id)}${ends ? red(`  (ends ${counted(ends)})`) : ''}`)
    for (const [member, change] of Object.entries(changes)) {
      const what =
        change === 'changed'
          ? 'changed'
          : action === 'create'
            ? show(change.to)
            : `${show(change.from)} → ${show(change.to)}`
      await terminal.print(`    ${plain(member)}: ${what}`)
    }
  }
  const { create, change, delete: gone, keep } = counts
  await terminal.print(dim(`= ${keep} unchanged`))
  if (create + change + gone === 0) await terminal.print('Nothing to do.')
}

const show = (value: unknown): string => (value === null || value === undefined ? 'none' : plain(JSON.stringify(value)))

/** The text of a file. Where a secret belongs it says how that would be named: commented out, so that what is there stays. */
function fileOf(all: Document, url: string): string {
  const text = stringify(all, { lineWidth: 0, aliasDuplicateObjects: false })
  const clients = (all['clients'] ?? []) as readonly Document[]
  const isPublic = (id: string) =>
    clients.some((client) => client['client_id'] === id && client['token_endpoint_auth_method'] === 'none')
  const lines = text.split('\n').flatMap((line) => {
    const written = /^ {2}- client_id: (.*)$/.exec(line)?.[1]
    if (written === undefined) return [line]
    const id = String(readConfigFile(`clients: [{client_id: ${written}}]`).entries.clients[0]?.['client_id'])
    return isPublic(id) ? [line] : [line, `    # client_secret: {env: ${variableOf(id)}}`]
  })
  return `# The configuration of ${plain(url)}, without secrets and without what is the default.
# falconer config plan FILE says what would change, falconer config apply FILE changes it.
# For another server, take the # from each client_secret and set its variable; a user gets a password with password: {env: NAME}.
${lines.join('\n')}`
}

const variableOf = (clientId: string): string =>
  `${clientId
    .toUpperCase()
    .replaceAll(/[^A-Z0-9]+/g, '_')
    .replace(/^(?=\d)/, '_')}_SECRET`
