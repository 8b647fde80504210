import { clientFields } from '../../domain/client-metadata.ts'
import type { Document } from '../../domain/field.ts'
import { printDocument } from '../columns.ts'
import { UsageError } from '../command.ts'
import type { Context, Handler } from '../definition.ts'
import { lineOf, writeEnvFile } from '../env-file.ts'
import { membersFrom } from '../fields.ts'
import { clientOptions } from '../nouns/clients.ts'
import { presets } from '../presets/index.ts'
import type { Facts, Preset } from '../presets/preset.ts'
import { plain } from '../terminal.ts'

export const create: Handler = async (context) => {
  const { args, given, terminal } = context
  const name = given.text('preset')
  const preset = name === undefined ? undefined : presets[name]
  const file = given.text('write-env')
  if (file !== undefined && !preset)
    throw new UsageError('--write-env goes with --preset, which says what the names are')
  const api = await context.api()
  const members = membersFrom(given, clientOptions, clientFields)
  const metadata = preset ? { ...withRedirects(preset, members, api.url), ...members } : members
  const target = file === undefined ? undefined : writeEnvFile(file, { mayReplace: given.flag('force') })
  // Before there is a client whose secret would be lost.
  target?.check(preset?.names ?? [])
  const body = { ...(args[0] === undefined ? {} : { client_id: args[0] }), ...metadata }
  const client = await api.call('POST', '/clients', 'clients:write', { body })
  const { client_secret: secret, ...shown } = client
  if (!preset) {
    if (terminal.isJson) return terminal.json(client)
    await printDocument(terminal, client)
    if (secret !== undefined) terminal.note('The secret is shown this once.')
    return
  }
  const facts = factsOf(client, api.url, file, preset)
  const values = preset.values(facts)
  if (target) await writeOrShow(context, target, values)
  if (terminal.isJson) return terminal.json(target ? shown : client)
  await tell(context, facts, preset, values)
}

/** What the preset says for these redirect URIs. @throws {UsageError} */
function withRedirects(preset: Preset, members: Document, issuer: string): Document {
  const given = members['redirect_uris'] as readonly string[] | undefined
  const { defaultRedirect } = preset
  if (given || defaultRedirect === undefined) return preset.metadata(given ?? [])
  if (['localhost', '127.0.0.1', '[::1]'].includes(new URL(issuer).hostname)) return preset.metadata([defaultRedirect])
  throw new UsageError(`--redirect is missing: where people come back to after a log-in, such as ${defaultRedirect}`)
}

function factsOf(client: Document, issuer: string, file: string | undefined, preset: Preset): Facts {
  const secret = client['client_secret']
  return {
    issuer,
    clientId: String(client['client_id']),
    clientSecret: typeof secret === 'string' ? secret : undefined,
    redirectUris: (client['redirect_uris'] ?? []) as readonly string[],
    client,
    envFile: file ?? preset.envFile,
    isInFile: file !== undefined,
  }
}

/** A secret that could not be written is shown: it is nowhere else. */
async function writeOrShow(
  { terminal }: Context,
  target: ReturnType<typeof writeEnvFile>,
  values: Readonly<Record<string, string>>,
) {
  try {
    target.write(values)
  } catch (error) {
    for (const [name, value] of Object.entries(values)) await terminal.print(lineOf(name, value))
    throw error
  }
}

async function tell({ terminal }: Context, facts: Facts, preset: Preset, values: Readonly<Record<string, string>>) {
  const { style } = terminal
  const { clientId, clientSecret, envFile, isInFile } = facts
  await terminal.print(`The client ${style.bold(plain(clientId))} is registered.`)
  if (isInFile) await terminal.print(`Its values are in ${envFile}: ${Object.keys(values).join(', ')}.`)
  else {
    const once = clientSecret === undefined ? '' : '   (the secret is shown this once)'
    await terminal.print(`\n${style.dim(`# ${envFile}${once}`)}`)
    for (const [name, value] of Object.entries(values)) await terminal.print(lineOf(name, value))
  }
  for (const { file, how, code } of preset.snippets(facts)) {
    await terminal.print(`\n${style.dim(`# ${file}   (${how})`)}`)
    await terminal.write(code)
  }
}
