import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { explainDatabaseFailure } from '../../start/failure.ts'
import { migrate } from '../../store/migrate.ts'
import { Failure, UsageError } from '../command.ts'
import type { Context, Handler } from '../definition.ts'

export const migrateDatabase: Handler = async ({ env, terminal }) => {
  const url = databaseUrl(env)
  const { applied, total, warnings } = await migrate(url).catch((error: unknown) => {
    const explained = explainDatabaseFailure(error, url)
    throw new Failure(explained.message, { cause: error })
  })
  for (const warning of warnings) terminal.note(warning)
  if (terminal.isJson) return terminal.json({ applied, total, warnings })
  for (const name of applied) await terminal.print(`applied ${name}`)
  await terminal.print(
    applied.length === 0
      ? `Nothing to do: all ${total} migrations were applied before.`
      : `${applied.length} of ${total} migrations applied.`,
  )
}

/** As the server reads it: from the environment, a file, or .env. */
function databaseUrl(env: Context['env']): string {
  const all = { ...envFile(), ...env }
  for (const name of ['DATABASE_DIRECT_URL', 'DATABASE_URL']) {
    const file = all[`${name}_FILE`]
    const url = all[name] || (file ? read(`${name}_FILE`, file) : '')
    if (url) return url
  }
  throw new UsageError(
    'DATABASE_URL is not set: it names the PostgreSQL database. An embedded database is migrated when its server starts.',
  )
}

function envFile(): Context['env'] {
  try {
    return parseEnv(readFileSync('.env', 'utf8'))
  } catch {
    return {}
  }
}

function read(name: string, file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw new UsageError(`${name} names a file that cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}
