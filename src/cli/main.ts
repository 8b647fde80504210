import { UsageError } from './command.ts'
import { commandsOf, firstWords } from './commands.ts'
import { isRaw } from './definition.ts'
import { mainHelp, nounHelp } from './help.ts'
import { didYouMean, quoted } from './hint.ts'
import { runCommand } from './run.ts'

const isHelp = (word: string | undefined): boolean => word === '--help' || word === '-h' || word === 'help'

async function run(argv: readonly string[]): Promise<number> {
  const [first, ...rest] = argv
  if (first === undefined || (isHelp(first) && rest.length === 0)) {
    ;(first === undefined ? process.stderr : process.stdout).write(mainHelp())
    return first === undefined ? 2 : 0
  }
  return isHelp(first) ? run([...rest, '--help']) : runNamed(first, rest)
}

async function runNamed(first: string, rest: readonly string[]): Promise<number> {
  const known = commandsOf(first)
  if (known.length === 0) {
    const hint = first.startsWith('-') ? ' Options stand behind the command.' : didYouMean(first, firstWords)
    throw new UsageError(`There is no command ${quoted(first)}.${hint}\nfalconer --help lists them.`)
  }
  const [second] = rest
  const definition = known.find(({ name }) => name === first) ?? known.find(({ name }) => name === `${first} ${second}`)
  if (definition) {
    const args = definition.name === first ? rest : rest.slice(1)
    if (!isRaw(definition)) return runCommand(definition, args, process.env)
    const command = await definition.loadRaw()
    await command.run({ args, env: process.env })
    return 0
  }
  if (second === undefined || isHelp(second)) {
    ;(second === undefined ? process.stderr : process.stdout).write(nounHelp(first, known))
    return second === undefined ? 2 : 0
  }
  const verbs = known.map(({ name }) => name.slice(first.length + 1))
  const hint = didYouMean(second, verbs) || ` There are ${verbs.join(', ')}.`
  throw new UsageError(
    `There is no command "${first}" with ${quoted(second)}.${hint}\nfalconer ${first} --help lists them.`,
  )
}

try {
  process.exitCode = await run(process.argv.slice(2))
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = error instanceof UsageError ? 2 : 1
}
