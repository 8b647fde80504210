// How fast revocation is, and what it costs. Usage: npm run bench:revocation -- --help
import { spawn } from 'node:child_process'
import { parseArgs } from 'node:util'
import { machine, measureLatency } from './latency.mjs'
import { measureMass } from './mass.mjs'
import { measureMemory } from './memory.mjs'
import { build } from './stage.mjs'
import { measureVerification } from './verification.mjs'

const help = `Measures revocation on this machine: instances of the compiled server on a PostgreSQL of their own that syncs to its disk, and verifiers as
they are shipped. Without a part all are measured; about five minutes.

  --latency          3 instances × 12 verifiers: from the request, and from its 200, until every verifier obeys
  --crowd            the same with 500 streams; the verifiers of one process share their checks of frame signatures
  --verification     ES256 verifications a second with the feed and without, and the share of the revocation check
  --memory           the set of a verifier, bytes an entry
  --mass             one call that ends a client with a million live grants

  --revocations N    of --latency (default 400)
  --crowd-size N     verifiers of --crowd (default 500)
  --crowd-processes N  processes of --crowd (default 5)
  --crowd-revocations N  of --crowd (default 100)
  --entries N        of --memory (default 1000000); --verification has a tenth of it
  --grants N         of --mass (default 1000000)

Exit status: 0 every part found what it must (nothing missed, one entry), 1 otherwise, 2 it could not run.`

const parts = ['latency', 'crowd', 'verification', 'memory', 'mass']
const numbers = {
  revocations: '400',
  'crowd-size': '500',
  'crowd-processes': '5',
  'crowd-revocations': '100',
  entries: '1000000',
  grants: '1000000',
}

const { values } = parseArgs({
  options: {
    ...Object.fromEntries(parts.map((name) => [name, { type: 'boolean', default: false }])),
    ...Object.fromEntries(Object.entries(numbers).map(([name, value]) => [name, { type: 'string', default: value }])),
    help: { type: 'boolean', default: false },
  },
})

function number(name) {
  const value = Number(values[name])
  if (!Number.isSafeInteger(value) || value < 1)
    throw new Error(`--${name} must be a whole number, not ${values[name]}`)
  return value
}

async function main() {
  if (values.help) {
    console.log(help)
    return 0
  }
  const isChosen = (part) => values[part] || parts.every((one) => !values[one])
  const built = build()
  console.log(machine())
  const measures = {
    latency: () =>
      measureLatency(built, {
        instances: 3,
        verifiers: 12,
        processes: 4,
        revocations: number('revocations'),
        isShared: false,
      }),
    crowd: () =>
      measureLatency(built, {
        instances: 3,
        verifiers: number('crowd-size'),
        processes: number('crowd-processes'),
        revocations: number('crowd-revocations'),
        isShared: true,
      }),
    verification: () => measureVerification(built, { entries: Math.max(1, Math.round(number('entries') / 10)) }),
    memory: () => measureMemory(built, { entries: number('entries') }),
    mass: () => measureMass(built, { grants: number('grants') }),
  }
  let isRight = true
  for (const part of parts.filter(isChosen)) if (!(await measures[part]())) isRight = false
  return isRight ? 0 : 1
}

if (globalThis.gc === undefined) {
  // What is garbage must not be counted.
  const again = spawn(process.execPath, ['--expose-gc', import.meta.filename, ...process.argv.slice(2)], {
    stdio: 'inherit',
  })
  process.on('SIGINT', () => {})
  again.on('exit', (code) => (process.exitCode = code ?? 2))
} else
  process.exitCode = await main().catch((error) => {
    console.error(error instanceof Error ? error.message : error)
    return 2
  })
