import { isMap, isNode, isScalar, isSeq, LineCounter, type Node, parseDocument } from 'yaml'
import type { FieldProblem, Document as Members } from '../domain/field.ts'

/** Something in a configuration file cannot be used; the message names the line. */
export class ConfigFileError extends Error {
  readonly line: number

  constructor(line: number, message: string) {
    super(`line ${line}: ${message}`)
    this.name = 'ConfigFileError'
    this.line = line
  }
}

const lists = ['resources', 'clients', 'users'] as const

type List = (typeof lists)[number]
export type Section = 'settings' | List
export type Path = FieldProblem['path']

/** What is declared, section by section. */
export interface Entries extends Readonly<Record<List, readonly Members[]>> {
  /** By name; what is not named stays as it is. */
  readonly settings: Members
}

/** A configuration file that is well-formed: a map of settings, and lists of entries. What an entry may hold is checked where it is applied. */
export interface ConfigFile {
  readonly entries: Entries
  /** The error for what a path leads to. */
  error(path: Path, message: string): ConfigFileError
  /** The same for what the server has refused: a JSON Pointer into the entries, and a detail that may begin with the member. */
  refusal(pointer: string, detail: string): ConfigFileError
}

/** Reads YAML, and so JSON. @throws {ConfigFileError} */
export function readConfigFile(text: string): ConfigFile {
  const lines = new LineCounter()
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false })
  const lineAt = (offset: number) => lines.linePos(offset).line
  const [broken] = [...document.errors, ...document.warnings]
  if (broken) throw new ConfigFileError(lineAt(broken.pos[0]), broken.message)

  const root = document.contents
  const error = (path: Path, message: string) => {
    const line = lineAt(offsetOf(root, path))
    return new ConfigFileError(line, `${path.length === 0 ? 'the file' : path.join('.')} ${message}`)
  }
  const refusal = (pointer: string, detail: string) => {
    const path = pathOf(pointer)
    return error(path, withoutName(path.join('.'), detail))
  }
  const content: unknown = document.toJS({ maxAliasCount: 100 }) ?? {}
  if (!isMembers(content)) throw error([], 'must be a map')
  for (const name of Object.keys(content))
    if (name !== 'settings' && !(lists as readonly string[]).includes(name)) throw error([name], 'is not known')
  const settings = content['settings'] ?? {}
  if (!isMembers(settings)) throw error(['settings'], 'must be a map')
  const [resources = [], clients = [], users = []] = lists.map((list) => readList(list, content[list], error))
  return { entries: { settings, resources, clients, users }, error, refusal }
}

function readList(list: List, value: unknown, error: ConfigFile['error']): Members[] {
  if (value === undefined || value === null) return []
  if (!Array.isArray(value)) throw error([list], 'must be a list')
  const entries: unknown[] = value
  return entries.map((entry, index) => {
    if (!isMembers(entry)) throw error([list, index], 'must be a map')
    return entry
  })
}

/** The steps of a JSON Pointer (RFC 6901). */
const pathOf = (pointer: string): string[] =>
  pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))

/** A detail often begins with the member; where the whole path is said before it, that would be there twice. */
export const withoutName = (name: string, detail: string): string =>
  detail.startsWith(`${name} `) ? detail.slice(name.length + 1) : detail

const isMembers = (value: unknown): value is Members =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** Where the last step of a path that exists begins: a key, or an item of a list. */
function offsetOf(root: Node | null, path: Path): number {
  let node: unknown = root
  let offset = root?.range?.[0] ?? 0
  for (const step of path) {
    if (isMap(node)) {
      const pair = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(step))
      if (!pair) break
      offset = (isScalar(pair.key) && pair.key.range?.[0]) || offset
      node = pair.value
    } else if (isSeq(node)) {
      const item = node.items[Number(step)]
      if (isNode(item)) offset = item.range?.[0] ?? offset
      node = item
    } else break
  }
  return offset
}

/** How a file names a secret that it does not hold. */
export interface SecretSources {
  /** In production a secret must not stand in the file itself. */
  readonly production: boolean
  readonly env: Readonly<Record<string, string | undefined>>
  readonly readFile: (path: string) => Promise<string>
}

const secretMembers = { resources: undefined, clients: 'client_secret', users: 'password' } as const

/** The entries of a file with their secrets in them. @throws {ConfigFileError} */
export async function resolveSecrets(file: ConfigFile, sources: SecretSources): Promise<Entries> {
  const resolve = async (list: List): Promise<Members[]> => {
    const member = secretMembers[list]
    return Promise.all(
      file.entries[list].map(async (entry, index) => {
        if (member === undefined || entry[member] === undefined || entry[member] === null) return entry
        return { ...entry, [member]: await readSecret(file, [list, index, member], entry[member], sources) }
      }),
    )
  }
  const [resources, clients, users] = await Promise.all([resolve('resources'), resolve('clients'), resolve('users')])
  return { settings: file.entries.settings, resources, clients, users }
}

/** The secret of a member: `{env: NAME}`, `{file: path}`, or, outside of production, the text itself. @throws {ConfigFileError} */
async function readSecret(
  file: ConfigFile,
  path: Path,
  value: unknown,
  { production, env, readFile }: SecretSources,
): Promise<string> {
  if (typeof value === 'string') {
    if (production) throw file.error(path, 'must be {env: NAME} or {file: path} in production')
    return value
  }
  const [source, ...more] = isMembers(value) ? Object.entries(value) : []
  const [kind, name] = source ?? []
  if (more.length > 0 || typeof name !== 'string' || (kind !== 'env' && kind !== 'file'))
    throw file.error(path, 'must be {env: NAME}, {file: path} or a text')
  const secret = kind === 'env' ? env[name] : await readFile(name).catch(() => undefined)
  // The end of the last line belongs to the file, not to the secret.
  const text = kind === 'file' ? secret?.replace(/\r?\n$/, '') : secret
  if (text === undefined || text === '')
    throw file.error(
      path,
      kind === 'env' ? `names the variable ${name}, which is not set` : `names ${name}, which cannot be read`,
    )
  return text
}
