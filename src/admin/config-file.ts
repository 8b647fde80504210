import type { Actor } from '../domain/ending.ts'
import { type ConfigFile, readConfigFile, resolveSecrets, type SecretSources } from './config-schema.ts'
import { applyConfiguration } from './configuration.ts'
import { Problem, pointerTo } from './problem.ts'
import type { AdminTools } from './tools.ts'

/** How many entries of a file were applied, and what became of them. */
export type Applied = Readonly<Record<'created' | 'changed' | 'unchanged', number>>

const actor: Actor = { id: 'system:config' }

/**
 * Brings in what a configuration file declares: everything or nothing, and the second time nothing. What it does not name stays.
 * @throws {ConfigFileError} naming the line
 */
export async function applyConfigFile(tools: AdminTools, text: string, sources: SecretSources): Promise<Applied> {
  const file = readConfigFile(text)
  const entries = await resolveSecrets(file, sources)
  const { counts } = await namingLines(file, () => applyConfiguration({ ...entries, prune: false }, actor, tools))
  return { created: counts.create, changed: counts.change, unchanged: counts.keep }
}

async function namingLines<T>(file: ConfigFile, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw error instanceof Problem && error.path ? file.refusal(pointerTo(error.path), error.detail) : error
  }
}
