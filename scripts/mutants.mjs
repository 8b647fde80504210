// Plants known mistakes in a compiled server, one by one, and asks the history checker. Usage: npm run test:mutants -- --help
import { spawn, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { mutants } from '../test/histories/mutants.mjs'

const help = `Plants ${mutants.length} known mistakes in copies of the compiled server, one by one, and runs the history checker on each until it
notices. Each has its own mix of operations; what runs first is the server as it is, which must pass.

  --only N,N    these mutants only (0 is the server as it is)
  --seconds N   load of one run (default 20)
  --runs N      runs before a mutant counts as missed (default 5)
  --seed N      of the first run (default 1)

Exit status: 0 every mutant was caught and the server as it is passed, 1 otherwise, 2 it could not run.`

const root = path.resolve(import.meta.dirname, '..')
const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    seconds: { type: 'string', default: '20' },
    runs: { type: 'string', default: '5' },
    seed: { type: 'string', default: '1' },
    help: { type: 'boolean', default: false },
  },
})

/** A copy of the compiled server with the changes made. */
function plant(built, folder, { name, changes }) {
  fs.cpSync(path.join(built, 'src'), path.join(folder, 'src'), { recursive: true })
  fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}')
  for (const entry of ['migrations', 'node_modules']) fs.symlinkSync(path.join(root, entry), path.join(folder, entry))
  for (const [file, from, to] of changes) {
    const target = path.join(folder, 'src', file)
    const text = fs.readFileSync(target, 'utf8')
    if (!text.includes(from))
      throw new Error(`"${name}" finds nothing to change in ${file}: it was written for another version`)
    fs.writeFileSync(
      target,
      text.replace(from, () => to),
    )
  }
  return path.join(folder, 'src/main.js')
}

/** One run of the checker. */
function check(built, server, profile, seed) {
  const args = ['--server', server, '--profile', profile, '--seed', String(seed), '--seconds', values.seconds]
  const run = spawn(process.execPath, [
    path.join(built, 'test/histories/main.js'),
    ...args,
    '--clients',
    '8',
    '--no-kills',
  ])
  let said = ''
  run.stdout.on('data', (text) => (said += String(text)))
  run.stderr.on('data', (text) => (said += String(text)))
  return new Promise((resolve) => run.on('close', (code) => resolve({ code, said })))
}

/** The properties that were violated, as the report names them. */
const violated = (said) =>
  [...said.matchAll(/^✘ (P\d+) +([^:\n]+):/gm)].map(([, number, title]) => `${number} ${title}`)

async function judge(built, mutant, number) {
  const isMutant = mutant.changes.length > 0
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'falconer-mutant-'))
  try {
    const server = plant(built, folder, mutant)
    for (let run = 0; run < (isMutant ? Number(values.runs) : 1); run++) {
      const { code, said } = await check(built, server, mutant.profile, Number(values.seed) + run)
      if (code !== 0 && code !== 1) throw new Error(`the run for "${mutant.name}" did not come to an end:\n${said}`)
      if (code === 1) {
        const where = violated(said).join(', ')
        console.log(
          `${isMutant ? '✔ caught' : '✘ red   '} ${number}. ${mutant.name} (${mutant.profile}, run ${run + 1}${where && `: ${where}`})`,
        )
        if (!isMutant) console.log(said)
        return isMutant
      }
    }
    console.log(`${isMutant ? '✘ missed' : '✔ green '} ${number}. ${mutant.name} (${mutant.profile})`)
    return !isMutant
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

async function main() {
  if (values.help) {
    console.log(help)
    return 0
  }
  const build = spawnSync(process.execPath, [path.join(root, 'scripts/histories.mjs'), '--build'], { encoding: 'utf8' })
  if (build.status !== 0) throw new Error(`it does not compile:\n${build.stderr}`)
  const built = build.stdout.trim()
  const all = [{ name: 'the server as it is', profile: 'mixed', changes: [] }, ...mutants]
  const chosen = values.only?.split(',').map(Number) ?? all.keys()
  let right = 0
  let judged = 0
  for (const number of chosen) {
    if (!all[number]) throw new Error(`there is no mutant ${number}`)
    judged++
    if (await judge(built, all[number], number)) right++
  }
  console.log(`\n${right} of ${judged} judged rightly`)
  return right === judged ? 0 : 1
}

process.exitCode = await main().catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  return 2
})
