import { parseArgs } from 'node:util'
import { stopGracefully } from '../start/graceful-stop.ts'
import { type EphemeralServer, startEphemeralServer } from './ephemeral-server.ts'
import { tour } from './steps.ts'
import { createTelling } from './telling.ts'

const help = `Usage: npm run tour [-- --help]

Starts a server of its own on a free port, with a database in a temporary directory, and walks through
what it is for as a real client would: login, code and PKCE, tokens, an API, refresh, a lost answer, a
replay, introspection, not-before, revocation as a verifier sees it, logout. Nothing is left behind.

Exit code: 0 when every step held, 1 when one did not (it says which), 2 for wrong usage.
`

let starting: Promise<EphemeralServer> | undefined
let isStopped = false

async function guide(): Promise<number> {
  const began = performance.now()
  const telling = createTelling(process.stdout)
  starting = startEphemeralServer()
  const server = await starting
  telling.begin(server.issuer)
  const isGood = await tour(server, (result) => {
    // A server that is being stopped by Ctrl-C holds nothing any more; that is no news.
    if (!isStopped) telling.step(result)
  })
  if (!isStopped) telling.end(isGood, (performance.now() - began) / 1000)
  return isGood ? 0 : 1
}

/** Also while it is still starting: what is not known yet cannot be stopped. A start that fails cleans up by itself. */
async function stop(): Promise<void> {
  const server = await starting?.catch(() => undefined)
  await server?.close()
}

/** What the arguments ask for, or undefined when they ask for nothing that exists. */
function readArguments(): { help: boolean } | undefined {
  try {
    return { help: parseArgs({ options: { help: { type: 'boolean', short: 'h', default: false } } }).values.help }
  } catch {
    return undefined
  }
}

const given = readArguments()
if (!given || given.help) {
  ;(given ? process.stdout : process.stderr).write(help)
  process.exit(given ? 0 : 2)
}

stopGracefully(() => {
  isStopped = true
  return stop()
})

let exitCode = 1
try {
  exitCode = await guide()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
}
await stop()
process.exit(exitCode)
