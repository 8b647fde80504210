// The chaos run by hand. Usage: npm run test:feed -- --help
import fs from 'node:fs'
import { parseArgs } from 'node:util'
import { type ProfileName, profiles } from './profiles.ts'
import { describeResult, isRight } from './report.ts'
import { runChaos } from './run.ts'

const help = `Runs several instances of Falconer on one durable PostgreSQL, and verifiers in several processes, each behind a TCP proxy of its own;
each instance reaches PostgreSQL through one too. Sessions, grants, tokens, users and clients are ended over the admin API while paths become
holes, delays or resets and processes are killed, and every verifier is asked about every ended token until it refuses it.

  --seconds N      how long there are faults (default 75)
  --minutes N      the same in minutes
  --seed N         decides every choice and the plan of faults (default: from the clock)
  --runs N         one run after the other, with the seeds that follow (default 1)
  --profile NAME   ${Object.keys(profiles).join(', ')} (default normal)
                   long-hole: paths are silent for up to 7 s, and no verifier gives a silent connection up
  --instances N    instances of the server (default 3)
  --verifiers N    verifiers (default 12)
  --processes N    processes of verifiers (default 4)
  --rate N         endings per second (default 5)
  --bound N        Y, FEED_MAX_STALENESS_SECONDS (default 2)
  --server FILE    compiled main.js of another server than this checkout's
  --verifier FILE  compiled index.js of another verifier than this checkout's
  --mutant NAME    with this mistake planted; --mutants: one run for each, and each has to be caught
  --only NAMES     with --mutants: these only, between commas
  --list           the mutants
  --keep           keep the logs, and say where

Exit status: 0 all promises held (--mutants: every mutant was caught), 1 otherwise, 2 it could not run.`

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    minutes: { type: 'string' },
    seed: { type: 'string' },
    runs: { type: 'string', default: '1' },
    profile: { type: 'string', default: 'normal' },
    instances: { type: 'string', default: '3' },
    verifiers: { type: 'string', default: '12' },
    processes: { type: 'string', default: '4' },
    rate: { type: 'string', default: '5' },
    bound: { type: 'string', default: '2' },
    server: { type: 'string' },
    verifier: { type: 'string' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

function number(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} must be a number, not ${JSON.stringify(text)}`)
  return value
}

function file(name: string, given: string | undefined): string {
  if (given === undefined || !fs.existsSync(given)) throw new Error(`--${name} ${given} is not there`)
  return given
}

const isProfile = (name: string): name is ProfileName => Object.hasOwn(profiles, name)

async function main(): Promise<number> {
  if (values.help) {
    console.log(help)
    return 0
  }
  const { profile } = values
  if (!isProfile(profile)) throw new Error(`--profile must be one of ${Object.keys(profiles).join(', ')}`)
  const minutes = values.minutes === undefined ? undefined : 60 * number('minutes', values.minutes)
  const first = values.seed === undefined ? Date.now() % 1_000_000 : number('seed', values.seed)
  let wrong = 0
  for (let run = 0; run < number('runs', values.runs); run++) {
    const result = await runChaos({
      serverMain: file('server', values.server),
      verifierModule: file('verifier', values.verifier),
      seconds: minutes ?? number('seconds', values.seconds ?? '75'),
      seed: first + run,
      profile,
      instances: number('instances', values.instances),
      verifiers: number('verifiers', values.verifiers),
      processes: number('processes', values.processes),
      rate: number('rate', values.rate),
      maxStalenessSeconds: number('bound', values.bound),
      keep: values.keep,
      onProgress: (line) => console.error(line),
    })
    console.log(`${describeResult(result)}\n`)
    if (result.folder !== undefined) console.log(`logs: ${result.folder}\n`)
    if (!isRight(result)) wrong++
  }
  return wrong === 0 ? 0 : 1
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  if (process.env['DEBUG'] !== undefined) console.error(error)
  return 2
})
