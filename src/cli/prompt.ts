import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { UsageError } from './command.ts'
import type { Context } from './definition.ts'
import { plain } from './terminal.ts'

/** A stream that a secret is typed into without being shown. */
const nowhere = (): Writable => new Writable({ write: (_chunk, _encoding, done) => done() })

/** Asks for a line on a terminal. */
export async function ask(question: string, { errors, input, signal }: Asking): Promise<string> {
  const lines = createInterface({ input, output: errors, terminal: true })
  return answerOf(lines, question, signal)
}

/** The same without showing what is typed. */
export async function askHidden(question: string, { errors, input, signal }: Asking): Promise<string> {
  errors.write(question)
  const lines = createInterface({ input, output: nowhere(), terminal: true })
  try {
    return await answerOf(lines, '', signal)
  } finally {
    errors.write('\n')
  }
}

export interface Asking {
  readonly input: NodeJS.ReadableStream
  readonly errors: NodeJS.WritableStream
  readonly signal?: AbortSignal
}

async function answerOf(lines: ReturnType<typeof createInterface>, question: string, signal?: AbortSignal) {
  // Ctrl-C is a character here, and Ctrl-D an end without an answer: both mean that nothing shall be done.
  const given = new AbortController()
  const stop = () => given.abort(new Interrupted())
  lines.once('SIGINT', stop)
  lines.once('close', stop)
  signal?.addEventListener('abort', stop)
  try {
    return await lines.question(question, { signal: given.signal })
  } catch (error) {
    throw given.signal.aborted ? new Interrupted() : error
  } finally {
    signal?.removeEventListener('abort', stop)
    lines.close()
  }
}

/** The person does not want it any more. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/**
 * Goes on when the person types the name of what will be gone, or said `--yes` before.
 * @throws {UsageError} where nobody can be asked
 * @throws {Interrupted} when something else was typed
 */
export async function confirm(context: Context, what: string, name: string): Promise<void> {
  const { terminal, given } = context
  if (given.flag('yes')) return
  if (!terminal.canAsk) throw new UsageError(`${what} Nobody can be asked here: say --yes to do it.`)
  terminal.note(what)
  const typed = await ask(`Type ${plain(name)} to confirm: `, askingIn(context))
  if (typed.trim() !== name) throw new Interrupted('That was something else: nothing was changed.')
}

/**
 * A password, typed twice without being shown, or the whole of the standard input. Never an argument: others can read those.
 * @throws {UsageError} where nobody can be asked
 */
export async function readPassword(context: Context): Promise<string> {
  const { terminal, given } = context
  if (given.flag('password-stdin')) return withoutLineEnd(await readAll(terminal.input))
  if (!terminal.canAsk) throw new UsageError('Nobody can be asked here: pass the password with --password-stdin.')
  const first = await askHidden('Password: ', askingIn(context))
  const second = await askHidden('Once more: ', askingIn(context))
  if (first !== second) throw new Interrupted('The two passwords differ: nothing was changed.')
  return first
}

/** All of a stream as text. */
export async function readAll(input: NodeJS.ReadableStream): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of input) chunks.push(Buffer.from(chunk))
  return Buffer.concat(chunks).toString('utf8')
}

const withoutLineEnd = (text: string): string => text.replace(/\r?\n$/, '')

const askingIn = ({ terminal, signal }: Context): Asking => ({ input: terminal.input, errors: process.stderr, signal })
