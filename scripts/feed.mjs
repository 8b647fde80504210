// The chaos run of the revocation feed by hand: compiles the server, the verifier and the run, and starts it.
// Usage: npm run test:feed -- --help
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { mutants } from '../test/feed/chaos/mutants.mjs'

const root = path.resolve(import.meta.dirname, '..')
const given = process.argv.slice(2)

/** Every source that is compiled, in a fixed order. */
function sources() {
  const folders = ['src', 'migrations', 'packages/verifier/src', 'test/support', 'test/histories', 'test/feed/chaos']
  const all = folders.flatMap((folder) =>
    fs
      .readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => path.join(folder, name)),
  )
  const isCompiled = (name) =>
    !/\.test\.ts$|\.mjs$|^test.histories.(model|mutants)\b/.test(name) && fs.statSync(path.join(root, name)).isFile()
  return all.filter(isCompiled).sort((a, b) => (a < b ? -1 : 1))
}

/** A folder with the compiled server in `src`, the verifier package in `verifier`, and the run; built once for every state of the sources. */
function build() {
  const state = createHash('sha256')
  for (const name of sources()) state.update(name).update(fs.readFileSync(path.join(root, name)))
  const parent = path.join(root, 'dist-test')
  const target = path.join(parent, `feed-${state.digest('hex').slice(0, 12)}`)
  if (fs.existsSync(target)) return target
  fs.mkdirSync(parent, { recursive: true })
  fs.writeFileSync(path.join(parent, '.gitignore'), '*\n')
  // A run may still use one that is hours old.
  for (const name of fs.readdirSync(parent).filter((name) => name.startsWith('feed-'))) {
    const old = path.join(parent, name)
    if (fs.statSync(old).mtimeMs < Date.now() - 86_400_000) fs.rmSync(old, { recursive: true, force: true })
  }
  const draft = `${target}.${process.pid}`
  spawnSync(process.execPath, [path.join(root, 'scripts/build-verifier.mjs')], { stdio: 'inherit' })
  const tsc = spawnSync(
    path.join(root, 'node_modules/.bin/tsc'),
    ['-p', 'test/feed/chaos/tsconfig.json', '--outDir', draft],
    { cwd: root, encoding: 'utf8' },
  )
  if (!fs.existsSync(path.join(draft, 'src/main.js')))
    throw new Error(`it does not compile:\n${tsc.stdout}${tsc.stderr}`)
  spawnSync(process.execPath, [path.join(root, 'scripts/copy-assets.mjs'), path.join(draft, 'src')], {
    stdio: 'inherit',
  })
  // As they are now: somebody may change them during a run. The server looks for its migrations two levels above its store.
  fs.cpSync(path.join(root, 'migrations'), path.join(draft, 'migrations'), { recursive: true })
  fs.cpSync(path.join(root, 'packages/verifier/dist'), path.join(draft, 'verifier'), { recursive: true })
  try {
    fs.renameSync(draft, target)
  } catch {
    fs.rmSync(draft, { recursive: true, force: true })
  }
  return target
}

/** A copy of the compiled server and verifier with the mistake in it. */
function plant(built, { name, changes }) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'falconer-mutant-'))
  for (const part of ['src', 'verifier', 'migrations'])
    fs.cpSync(path.join(built, part), path.join(folder, part), { recursive: true })
  fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}')
  fs.symlinkSync(path.join(root, 'node_modules'), path.join(folder, 'node_modules'))
  for (const [file, from, to] of changes) {
    const target = path.join(folder, file)
    const text = fs.readFileSync(target, 'utf8')
    if (!text.includes(from))
      throw new Error(`"${name}" finds nothing to change in ${file}: it was written for another version`)
    fs.writeFileSync(
      target,
      text.replace(from, () => to),
    )
  }
  return folder
}

/** One run with these options; `said` is what it printed. */
function run(built, from, options, isQuiet = false) {
  const parts = { '--server': path.join(from, 'src/main.js'), '--verifier': path.join(from, 'verifier/index.js') }
  const own = Object.entries(parts).filter(([name]) => !options.includes(name))
  const child = spawn(process.execPath, [path.join(built, 'test/feed/chaos/main.js'), ...own.flat(), ...options], {
    stdio: isQuiet ? ['ignore', 'pipe', 'pipe'] : 'inherit',
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (said += String(text)))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code: code ?? 2, said })))
}

/** The options without some that only this script knows. */
function without(options, names) {
  return options.filter((option, i) => !names.includes(option) && !names.includes(options[i - 1]))
}

async function withMutant(built, mutant, options, isQuiet) {
  const folder = plant(built, mutant)
  try {
    const profile = options.includes('--profile') ? [] : ['--profile', mutant.profile]
    const seconds = options.includes('--seconds') || options.includes('--minutes') ? [] : ['--seconds', '30']
    return await run(built, folder, [...profile, ...seconds, ...options], isQuiet)
  } finally {
    fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Each mutant in the profile meant for it, until it is caught, at most three times. */
async function runMutants(built, names, options) {
  let missed = 0
  for (const mutant of mutants.filter(({ name }) => names === undefined || names.includes(name))) {
    let verdict = ''
    for (let seed = 1; seed <= 3 && verdict === ''; seed++) {
      const { code, said } = await withMutant(built, mutant, ['--seed', String(seed), ...options], true)
      if (code === 2) throw new Error(`the run for "${mutant.name}" did not come to an end:\n${said}`)
      if (code === 1) verdict = `run ${seed}: ${[...said.matchAll(/^✘ (.*)$/gm)].map(([, what]) => what).join('; ')}`
    }
    if (verdict === '') missed++
    console.log(
      `${verdict === '' ? '✘ MISSED' : '✔ caught'}  ${mutant.name} (${mutant.profile}${verdict && `, ${verdict}`})`,
    )
  }
  return missed === 0 ? 0 : 1
}

async function main() {
  if (given.includes('--list')) {
    for (const { name, what, profile } of mutants) console.log(`${name.padEnd(28)} ${profile.padEnd(10)} ${what}`)
    return 0
  }
  const built = build()
  if (given.includes('--build')) {
    console.log(built)
    return 0
  }
  const valueOf = (name) => (given.includes(name) ? given[given.indexOf(name) + 1] : undefined)
  const options = without(given, ['--mutant', '--only']).filter((option) => option !== '--mutants')
  if (given.includes('--mutants')) return runMutants(built, valueOf('--only')?.split(','), options)
  const name = valueOf('--mutant')
  if (name === undefined && !given.includes('--mutant')) return (await run(built, built, options)).code
  const mutant = mutants.find((one) => one.name === name)
  if (!mutant) throw new Error(`--mutant must be one of ${mutants.map((one) => one.name).join(', ')}`)
  return (await withMutant(built, mutant, options, false)).code
}

// Ctrl-C reaches the run too, which stops what it started.
process.on('SIGINT', () => {})
process.exitCode = await main().catch((error) => {
  console.error(error instanceof Error ? error.message : error)
  return 2
})
