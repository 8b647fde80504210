import type { WriteStream } from 'node:tty'
import { Mismatch } from './mismatch.ts'
import type { StepResult } from './steps.ts'

/** Tells a tour: coloured on a terminal, the same words as plain lines everywhere else. */
export interface Telling {
  begin(issuer: string): void
  step(result: StepResult): void
  end(isGood: boolean, seconds: number): void
}

const columns = 60

export function createTelling(output: WriteStream): Telling {
  const hasColors = output.isTTY && output.hasColors()
  const color = (code: number) => (text: string) => (hasColors ? `\u001B[${code}m${text}\u001B[0m` : text)
  const [bold, dim, red, green] = [color(1), color(2), color(31), color(32)]
  const print = (text = '') => output.write(`${text}\n`)
  let count = 0
  return {
    begin: (issuer) => print(`\n  ${bold('A tour of Falconer')} ${dim(`at ${issuer}`)}\n`),
    step: (result) => {
      const title = `${String(++count).padStart(2)}  ${result.title}`.padEnd(columns)
      const time = dim(`${String(result.ms).padStart(5)} ms`)
      if ('says' in result) {
        print(`  ${green('✔')} ${title}${time}\n        ${dim(result.says)}`)
        return
      }
      print(`  ${red('✘')} ${bold(title)}${time}`)
      for (const line of explain(result.error)) print(`        ${red(line)}`)
    },
    end: (isGood, seconds) => {
      const time = `${seconds.toFixed(1)} s`
      print(
        isGood
          ? `\n  ${green(`All ${count} steps held`)} ${dim(`after ${time}`)}\n`
          : `\n  ${red(`Step ${count} did not hold`)}\n`,
      )
    },
  }
}

function explain(error: unknown): string[] {
  if (error instanceof Mismatch) return [error.message, `expected  ${error.expected}`, `got       ${error.got}`]
  const { message, cause } = error instanceof Error ? error : { message: String(error), cause: undefined }
  return [message, ...(cause instanceof Error ? [cause.message] : [])]
}
