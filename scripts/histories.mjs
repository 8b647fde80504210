// The history checker by hand: compiles the server and the checker, and runs it. Usage: npm run test:histories -- --help
import { spawn, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const given = process.argv.slice(2)

/** Every source that is compiled, in a fixed order. The others start from what is compiled here. */
function sources() {
  const all = ['src', 'test/support', 'test/histories'].flatMap((folder) =>
    fs
      .readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
      .map((name) => path.join(folder, name)),
  )
  const isCompiled = (name) =>
    !/\.test\.ts$|^test.histories.(model|mutants)\b/.test(name) && fs.statSync(path.join(root, name)).isFile()
  return all.filter(isCompiled).sort((a, b) => (a < b ? -1 : 1))
}

/** A folder with the compiled server in `src` and the checker in `test/histories`; built once for every state of the sources. */
function build() {
  const state = createHash('sha256')
  for (const name of sources()) state.update(name).update(fs.readFileSync(path.join(root, name)))
  const parent = path.join(root, 'dist-test')
  const target = path.join(parent, `histories-${state.digest('hex').slice(0, 12)}`)
  if (fs.existsSync(target)) return target
  fs.mkdirSync(parent, { recursive: true })
  fs.writeFileSync(path.join(parent, '.gitignore'), '*\n')
  // A run may still use one that is hours old.
  for (const name of fs.readdirSync(parent).filter((name) => name.startsWith('histories-'))) {
    const old = path.join(parent, name)
    if (fs.statSync(old).mtimeMs < Date.now() - 86_400_000) fs.rmSync(old, { recursive: true, force: true })
  }
  const draft = `${target}.${process.pid}`
  spawnSync(process.execPath, [path.join(root, 'scripts/build-verifier.mjs')], { stdio: 'inherit' })
  const tsc = spawnSync(
    path.join(root, 'node_modules/.bin/tsc'),
    ['-p', 'tsconfig.histories.json', '--outDir', draft],
    { cwd: root, encoding: 'utf8' },
  )
  if (!fs.existsSync(path.join(draft, 'src/main.js')))
    throw new Error(`it does not compile:\n${tsc.stdout}${tsc.stderr}`)
  spawnSync(process.execPath, [path.join(root, 'scripts/copy-assets.mjs'), path.join(draft, 'src')], {
    stdio: 'inherit',
  })
  // The server looks for them two levels above its store.
  fs.symlinkSync(path.join(root, 'migrations'), path.join(draft, 'migrations'))
  try {
    fs.renameSync(draft, target)
  } catch {
    fs.rmSync(draft, { recursive: true, force: true })
  }
  return target
}

try {
  const folder = build()
  if (given.includes('--build')) console.log(folder)
  else {
    const server = given.includes('--server') ? [] : ['--server', path.join(folder, 'src/main.js')]
    const run = spawn(process.execPath, [path.join(folder, 'test/histories/main.js'), ...server, ...given], {
      stdio: 'inherit',
    })
    // Ctrl-C reaches the run too, which stops what it started.
    process.on('SIGINT', () => {})
    run.on('exit', (code) => (process.exitCode = code ?? 2))
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 2
}
