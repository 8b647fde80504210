// The history checker by hand. Usage: npm run test:histories -- --help
import fs from 'node:fs'
import { parseArgs } from 'node:util'
import { type ProfileName, profiles } from './profiles.ts'
import { describeResult } from './report.ts'
import { runHistory } from './run.ts'

const help = `Runs several instances of Falconer on one durable PostgreSQL, with honest clients, thieves, revokers and admins in several processes,
kills instances, backends and the postmaster with kill -9, and checks the recorded history against P1 to P10.

  --minutes N      how long there is load (default 1)
  --seconds N      the same in seconds
  --seed N         decides every choice and the plan of faults (default: from the clock)
  --runs N         one run after the other, with the seeds that follow (default 1)
  --profile NAME   ${Object.keys(profiles).join(', ')} (default mixed)
  --clients N      honest clients (default 32)
  --instances N    instances of the server (default 3)
  --workers N      processes of clients (default 3)
  --kill-every N   seconds between two kills, on average (default 4)
  --no-kills       kill nothing
  --server FILE    compiled main.js of another server than this checkout's
  --keep           keep the events and the logs, and say where

Exit status: 0 all promises held, 1 a violation, 2 it could not run.`

const { values } = parseArgs({
  options: {
    minutes: { type: 'string' },
    seconds: { type: 'string' },
    seed: { type: 'string' },
    runs: { type: 'string', default: '1' },
    profile: { type: 'string', default: 'mixed' },
    clients: { type: 'string', default: '32' },
    instances: { type: 'string', default: '3' },
    workers: { type: 'string', default: '3' },
    'kill-every': { type: 'string', default: '4' },
    'no-kills': { type: 'boolean', default: false },
    server: { type: 'string' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
})

function number(name: string, text: string): number {
  const value = Number(text)
  if (!Number.isFinite(value) || value < 0) throw new Error(`--${name} must be a number, not ${JSON.stringify(text)}`)
  return value
}

function isProfile(name: string): name is ProfileName {
  return Object.hasOwn(profiles, name)
}

async function main(): Promise<number> {
  if (values.help) {
    console.log(help)
    return 0
  }
  const { profile, server } = values
  if (!isProfile(profile)) throw new Error(`--profile must be one of ${Object.keys(profiles).join(', ')}`)
  if (server === undefined || !fs.existsSync(server)) throw new Error(`--server ${server} is not there`)
  const seconds =
    values.seconds === undefined ? number('minutes', values.minutes ?? '1') * 60 : number('seconds', values.seconds)
  const first = values.seed === undefined ? Date.now() % 1_000_000 : number('seed', values.seed)
  let violations = 0
  for (let run = 0; run < number('runs', values.runs); run++) {
    const result = await runHistory({
      serverMain: server,
      seconds,
      seed: first + run,
      profile,
      clients: number('clients', values.clients),
      instances: number('instances', values.instances),
      workers: number('workers', values.workers),
      killEverySeconds: number('kill-every', values['kill-every']),
      kills: !values['no-kills'],
      keep: values.keep,
      onProgress: (line) => console.error(line),
    })
    console.log(`${describeResult(result)}\n`)
    if (result.folder !== undefined) console.log(`events and logs: ${result.folder}\n`)
    violations += result.violations.length
  }
  return violations === 0 ? 0 : 1
}

process.exitCode = await main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error)
  if (process.env['DEBUG'] !== undefined) console.error(error)
  return 2
})
