import { type DestinationStream, pino } from 'pino'

const everyMs = 100

/**
 * Standard output for a log, with the lines of a tenth of a second in one write: a write for each would cost a refresh a tenth of its time. They
 * are gathered here because sonic-boom measures all that it has gathered again with each line. A write holds `most` characters, or one
 * line that is longer.
 */
export function createLogOutput(most: number): DestinationStream {
  const output = pino.destination({ dest: 1, sync: false, maxWrite: most })
  let lines = ''
  const handOn = (): void => {
    if (lines !== '') output.write(lines)
    lines = ''
  }
  setInterval(handOn, everyMs).unref()
  // Nothing that is begun now would come to an end any more.
  process.once('exit', () => {
    output.flushSync()
    if (lines !== '') pino.destination({ dest: 1, sync: true }).write(lines)
  })
  return {
    write: (line) => {
      if (lines.length + line.length > most) handOn()
      lines += line
    },
  }
}
