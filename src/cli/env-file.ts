import { chmodSync, existsSync, lstatSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { Failure } from './command.ts'

/** A file of NAME=value lines into which values are written. */
export interface EnvFile {
  /** Whether these names may be written at all, before there is anything to write. @throws {Failure} */
  check(names: readonly string[]): void
  /** Adds or replaces the lines of these names and leaves all others as they are. @throws {Failure} */
  write(values: Readonly<Record<string, string>>): void
}

/** Nothing that has another value is replaced unless `mayReplace`. */
export function writeEnvFile(file: string, { mayReplace }: { mayReplace: boolean }): EnvFile {
  const check: EnvFile['check'] = (names) => {
    const present = parseEnv(read(file))
    const taken = names.filter((name) => (present[name] ?? '') !== '')
    if (taken.length > 0 && !mayReplace)
      throw new Failure(`${file} has other values for ${taken.join(', ')}. --force replaces them; nothing was done.`)
  }
  return {
    check,
    write: (values) => {
      const before = read(file)
      const rest = { ...values }
      const lines = before.split('\n').map((line) => {
        const name = /^\s*(?:export\s+)?([A-Za-z_]\w*)\s*=/.exec(line)?.[1]
        if (name === undefined || !Object.hasOwn(values, name)) return line
        const value = values[name] ?? ''
        delete rest[name]
        return lineOf(name, value)
      })
      if (lines.at(-1) === '') lines.pop()
      lines.push(...Object.entries(rest).map(([name, value]) => lineOf(name, value)))
      replace(file, `${lines.join('\n')}\n`)
    },
  }
}

/** Quoted only where it has to be: not every reader of such files knows quotes. */
export function lineOf(name: string, value: string): string {
  if (/^[\w.:/@%+=,~-]*$/.test(value)) return `${name}=${value}`
  const quote = ["'", '"', '`'].find((each) => !value.includes(each)) ?? "'"
  return `${name}=${quote}${value}${quote}`
}

function read(file: string): string {
  try {
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  } catch (error) {
    throw cannot(file, error)
  }
}

// Whole or not at all, and never readable for others, not even for a moment.
function replace(file: string, text: string): void {
  const draft = `${file}.${process.pid}.new`
  try {
    if (existsSync(file) && lstatSync(file).isSymbolicLink()) {
      chmodSync(file, 0o600)
      writeFileSync(file, text)
      return
    }
    writeFileSync(draft, text, { mode: 0o600, flag: 'wx' })
    renameSync(draft, file)
  } catch (error) {
    throw cannot(file, error)
  }
}

const cannot = (file: string, error: unknown) =>
  new Failure(`${file} cannot be written (${(error as NodeJS.ErrnoException).code}).`)
