import { existsSync } from 'node:fs'
import path from 'node:path'
import { parseArgs } from 'node:util'

export const help = `Refreshes of random grants among ten thousand, a million and ten million: does a refresh cost more when there are more sessions?

Usage: npm run bench:scale -- [options]

  --sizes a,b,c    how many grants, each with a session (10000,1000000,10000000); the others are compared with the first
  --seconds N      seconds of a round at most (2); a round ends earlier when it has refreshed 10,000
  --rounds N       rounds of each size at each number of connections (7)
  --postgres DIR   the programs of another PostgreSQL than the embedded one, such as /usr/lib/postgresql/17/bin
  --set NAME=VALUE a setting of PostgreSQL, such as wal_compression=lz4; may be repeated
  --minutes N      a size that would not be done by then is left out (60)
  --json FILE      writes everything that was measured
  --write          writes docs/performance.md and docs/images/scale.svg
  --help

A size that the disk has no room for is left out, too: about 1.7 GB for each million, and 8 GB beside it.

Exit status: 0 when the target is met and no plan reads a whole table, 1 otherwise, 2 when it could not run.`

/** @throws {Error} with what is wrong */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      sizes: { type: 'string', default: '10000,1000000,10000000' },
      seconds: { type: 'string', default: '2' },
      rounds: { type: 'string', default: '7' },
      postgres: { type: 'string' },
      set: { type: 'string', multiple: true, default: [] },
      minutes: { type: 'string', default: '60' },
      json: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const sizes = values.sizes.split(',').map((text) => whole('--sizes', text))
  if (sizes.some((rows, i) => rows < 1000 || (i > 0 && rows <= sizes[i - 1])))
    throw new Error('--sizes must ascend, from a thousand at least')
  if (values.postgres !== undefined && !existsSync(path.join(values.postgres, 'initdb')))
    throw new Error(`--postgres must name a folder with initdb and postgres, not ${values.postgres}`)
  return {
    ...values,
    settings: Object.fromEntries(values.set.map(setting)),
    sizes,
    seconds: whole('--seconds', values.seconds),
    rounds: whole('--rounds', values.rounds),
    minutes: whole('--minutes', values.minutes),
  }
}

function setting(text) {
  const [, name, value] = /^(\w+)=(.+)$/.exec(text) ?? []
  if (name === undefined) throw new Error(`--set must be NAME=VALUE, not ${text}`)
  return [name, value]
}

function whole(name, text) {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`${name} must be a whole number, not ${text}`)
  return value
}
