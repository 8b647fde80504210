import { readFile } from 'node:fs/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { makeFirstSetupLink } from './admin/administrators.ts'
import { bootstrapAdminClient } from './admin/bootstrap.ts'
import { type Config, ConfigError, loadConfig } from './config.ts'
import { ensureDevelopmentClient } from './start/development-client.ts'
import { ensureDevelopmentSecrets } from './start/development-secrets.ts'
import { explainDatabaseFailure, explainStartFailure } from './start/failure.ts'
import { stopGracefully } from './start/graceful-stop.ts'
import { type Service, serveHere } from './start/service.ts'
import { createWelcome, type Welcome } from './start/welcome.ts'
import { serveInWorkers } from './start/workers.ts'
import { startEmbeddedPostgres } from './store/embedded-postgres.ts'
import { migrate } from './store/migrate.ts'

/** What was started, to be stopped in the opposite order. */
type Stop = () => Promise<unknown>

const stops: Stop[] = []
const stopping = new AbortController()
let config: Config | undefined

async function start(config: Config): Promise<void> {
  const { welcome, logger } = createWelcome(process.stdout, config)
  const databaseUrl = await connect(config, welcome)
  const masterKeys = config.masterKeys ?? (await ensureDevelopmentSecrets(config.dataDir))
  const serve = config.workers === 1 ? serveHere : serveInWorkers
  const service = await serve({ config, databaseUrl, masterKeys, logger })
  const { tools } = service
  stops.push(() => service.close())
  const { keys } = await tools.keys.jwks()
  welcome.step(`${keys.length} signing keys ready`)

  stopping.signal.throwIfAborted()
  if (config.bootstrapAdminClient) await bootstrapAdminClient(tools, config.bootstrapAdminClient)
  if (config.databaseUrl === undefined) await bootstrapAdminClient(tools, await developmentClient(config))
  if (config.configFile !== undefined) await applyFile(config, tools, config.configFile, welcome)
  await service.listen(stopping.signal)
  welcome.step(
    `Listening on ${config.host}:${config.port}${config.workers === 1 ? '' : ` (${config.workers} workers)`}`,
  )
  if (config.adminPort !== undefined) welcome.step(`Administration and metrics on ${config.host}:${config.adminPort}`)

  stopping.signal.throwIfAborted()
  const demo = config.demo ? await startDemo(config, tools) : undefined
  if (demo) welcome.step(`Demo app on ${demo.url}`)
  // For whoever sits at the terminal; a log would keep it.
  const isAsked = config.console && process.stdout.isTTY
  const setupUrl = isAsked ? await makeFirstSetupLink(tools) : undefined
  stops.push(async () => welcome.stopping())
  const isEmbedded = config.databaseUrl === undefined
  const { issuer, dataDir } = config
  welcome.done({ issuer, isEmbedded, dataDir, ...(demo && { demo }), ...(setupUrl && { setupUrl }) })
}

/** A database that is migrated: the operator's, or one of our own. */
async function connect(config: Config, welcome: Welcome): Promise<string> {
  const url = config.databaseUrl ?? (await startPostgres(config, welcome))
  stopping.signal.throwIfAborted()
  const direct = config.databaseDirectUrl ?? url
  const { applied, total, warnings } = await migrate(direct).catch((error: unknown) => {
    throw explainDatabaseFailure(error, direct)
  })
  for (const warning of warnings) welcome.warn(warning)
  welcome.step(
    applied.length > 0 ? `${applied.length} of ${total} migrations applied` : `${total} migrations, all applied before`,
  )
  stopping.signal.throwIfAborted()
  return url
}

async function startPostgres({ dataDir, workers, databasePoolSize }: Config, welcome: Welcome): Promise<string> {
  // A pool and a listener for each worker and for this process, and some for whoever looks into it.
  const maxConnections = Math.max(100, (workers + 1) * (databasePoolSize + 1) + 20)
  const own = await startEmbeddedPostgres(dataDir, { maxConnections })
  // A process that is forced to exit leaves nothing behind. SIGINT is PostgreSQL's fast shutdown, which keeps what was committed.
  const interrupt = () => void (own.pid > 0 && process.kill(own.pid, 'SIGINT'))
  process.once('exit', interrupt)
  stops.push(async () => {
    await own.stop()
    process.off('exit', interrupt)
  })
  welcome.step(`PostgreSQL ${own.version} (embedded, ${dataDir})`)
  return own.url()
}

/** The client of `falconer` on the command line, which finds it beside the embedded database. */
function developmentClient({ dataDir, issuer, host, adminPort }: Config) {
  const adminUrl =
    adminPort === undefined ? undefined : `http://${host === '0.0.0.0' ? '127.0.0.1' : host}:${adminPort}`
  return ensureDevelopmentClient(dataDir, { issuer, adminUrl })
}

/** What reads YAML is loaded only when there is some. */
async function applyFile(config: Config, tools: Service['tools'], file: string, welcome: Welcome): Promise<void> {
  const [{ applyConfigFile }, { ConfigFileError }] = await Promise.all([
    import('./admin/config-file.ts'),
    import('./admin/config-schema.ts'),
  ])
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new ConfigError([
      `CONFIG_FILE names ${JSON.stringify(file)}, which cannot be read (${error.code ?? error.message})`,
    ])
  })
  const production = config.nodeEnv === 'production'
  const sources = { production, env: process.env, readFile: (path: string) => readFile(path, 'utf8') }
  const { created, changed, unchanged } = await applyConfigFile(tools, text, sources).catch((error: unknown) => {
    throw error instanceof ConfigFileError ? new ConfigError([`${file}, ${error.message}`]) : error
  })
  welcome.step(`${file}: ${created} created, ${changed} changed, ${unchanged} as they were`)
}

/** Loaded only when wanted: production installs have neither the demo nor the library that it is built on. */
async function startDemo({ issuer, demoPort: port, dataDir }: Config, tools: Service['tools']) {
  const { startDemo: begin } = await import('./demo/start.ts')
  const demo = await begin({ issuer, port, dataDir, tools })
  stops.push(() => demo.close())
  return demo
}

async function stopAll(): Promise<void> {
  for (const stop of stops.splice(0).toReversed()) await stop()
}

async function run(): Promise<void> {
  try {
    config = loadConfig({ env: process.env, envFile: '.env' })
    await start(config)
  } catch (error) {
    // Ctrl-C reaches initdb too, which then fails before this process hears of the signal.
    await sleep(20)
    if (stopping.signal.aborted) return
    const { message, exitCode } = explainStartFailure(error, config)
    console.error(message)
    await stopAll()
    process.exit(exitCode)
  }
}

let running: Promise<void> = Promise.resolve()
stopGracefully(async () => {
  stopping.abort()
  // Whatever is being started right now has to be known before it can be stopped.
  await running
  await stopAll()
})
running = run()
await running
