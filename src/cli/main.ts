import type { Command } from './command.ts'
import { UsageError } from './command.ts'

/** Every command, loaded only when it is called. */
const commands: Readonly<Record<string, { summary: string; load: () => Promise<{ command: Command }> }>> = {
  serve: { summary: 'start the server, as npm start does', load: () => import('./serve.ts') },
  'verify-proxy': {
    summary: 'check access tokens for nginx, Envoy and services in any language',
    load: () => import('../verify-proxy/command.ts'),
  },
}

const help = `Usage: falconer <command> [options]

${Object.entries(commands)
  .map(([name, { summary }]) => `  ${name.padEnd(14)} ${summary}`)
  .join('\n')}

falconer <command> --help tells the options of a command.
Exit codes: 0 done, 1 refused or failed, 2 wrong usage.
`

async function run([name, ...args]: readonly string[]): Promise<number> {
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    ;(name === undefined ? process.stderr : process.stdout).write(help)
    return name === undefined ? 2 : 0
  }
  const known = Object.hasOwn(commands, name) ? commands[name] : undefined
  if (!known) throw new UsageError(`There is no command ${JSON.stringify(name)}; falconer --help lists them`)
  const { command } = await known.load()
  await command.run({ args, env: process.env })
  return 0
}

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
