import { setMaxListeners } from 'node:events'
import { createApi } from './api.ts'
import { findCredentials } from './credentials.ts'
import type { CommandDefinition, Context } from './definition.ts'
import { commandHelp } from './help.ts'
import { parseCommand } from './parse.ts'
import { Interrupted } from './prompt.ts'
import { explainRefusal, Refused } from './refusal.ts'
import { createTerminal } from './terminal.ts'

/** As shells say it of what Ctrl-C has ended. */
const interrupted = 130

/** Runs a command of the table; answers the exit code. @throws {UsageError}, {Failure} */
export async function runCommand(
  definition: CommandDefinition,
  argv: readonly string[],
  env: Context['env'],
): Promise<number> {
  const { args, given } = parseCommand(definition, argv)
  if (given.flag('help')) {
    process.stdout.write(commandHelp(definition) ?? '')
    return 0
  }
  endWithReader()
  const stopping = new AbortController()
  const { signal } = stopping
  // Every request of a long export listens to it for a while.
  setMaxListeners(0, signal)
  process.once('SIGINT', () => stopping.abort())
  const terminal = createTerminal(
    { input: process.stdin, output: process.stdout, errors: process.stderr },
    { isJson: given.flag('json'), env },
  )
  const api = async () => createApi(findCredentials(env), { signal, allowed: definition.scopes ?? [] })
  try {
    const handler = await definition.load()
    await handler({ args, given, env, terminal, signal, api })
    return 0
  } catch (error) {
    terminal.progress('')
    if (error instanceof Interrupted || signal.aborted) {
      const said = error instanceof Interrupted ? error.message : ''
      if (said !== '') console.error(said)
      return said === '' ? interrupted : 1
    }
    if (!(error instanceof Refused)) throw error
    console.error(explainRefusal(error, definition))
    return 1
  }
}

/** Whoever reads the answer may have seen enough (| head): that is no failure. */
function endWithReader(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}
