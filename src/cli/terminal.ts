import type { ReadStream, WriteStream } from 'node:tty'

/** Where a command speaks: its answer on one stream, all that is only for a person on the other. */
export interface Terminal {
  /** JSON was asked for. */
  readonly isJson: boolean
  /** The answer is read by a person, here and now. */
  readonly isTTY: boolean
  /** A person can be asked. */
  readonly canAsk: boolean
  readonly width: number
  readonly style: Style
  readonly input: NodeJS.ReadableStream
  /** A part of the answer. Waits while the reader does not keep up. */
  write(text: string): Promise<void>
  /** A line of the answer. */
  print(line?: string): Promise<void>
  json(document: unknown): Promise<void>
  /** A line for the person, beside the answer. */
  note(line: string): void
  /** A line that the next one replaces; the empty one removes it. Only on a terminal. */
  progress(line: string): void
}

type Paint = (text: string) => string

export interface Style {
  readonly bold: Paint
  readonly dim: Paint
  readonly red: Paint
  readonly green: Paint
  readonly yellow: Paint
}

export interface Streams {
  readonly input: ReadStream
  readonly output: WriteStream
  readonly errors: WriteStream
}

export function createTerminal(
  { input, output, errors }: Streams,
  { isJson, env }: { isJson: boolean; env: Readonly<Record<string, string | undefined>> },
): Terminal {
  const isTTY = output.isTTY && !isJson
  const write = async (text: string): Promise<void> => {
    if (output.write(text)) return
    await new Promise<void>((resolve) => output.once('drain', resolve))
  }
  let isProgressing = false
  return {
    isJson,
    isTTY,
    canAsk: input.isTTY && errors.isTTY,
    width: output.columns || 80,
    style: styleFor(isTTY && !env['NO_COLOR'] && output.hasColors()),
    input,
    write,
    print: (line = '') => write(`${line}\n`),
    json: (document) => write(`${JSON.stringify(document, null, 2)}\n`),
    note: (line) => void errors.write(`${line}\n`),
    progress: (line) => {
      if (errors.isTTY && (isProgressing || line !== '')) errors.write(`\r\u001B[K${line}`)
      isProgressing = line !== ''
    },
  }
}

function styleFor(hasColors: boolean): Style {
  const paint = (code: number): Paint => (hasColors ? (text) => `\u001B[${code}m${text}\u001B[0m` : (text) => text)
  return { bold: paint(1), dim: paint(2), red: paint(31), green: paint(32), yellow: paint(33) }
}

// What would move the cursor, change the colours or turn the direction of the text: names and user agents come from anybody.
const unsafe = /[\p{Cc}\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/gu

/** A value from the server as one line that a terminal only shows. */
export const plain = (value: string): string => value.replaceAll(unsafe, '\u{FFFD}')
