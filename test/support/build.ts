import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '../..')
const folder = path.join(root, 'dist-test')

/**
 * The server as it is shipped, compiled and packed: the path of its main file, below the folder of the compiled modules. A process of its own cannot load TypeScript. Built once for every state of
 * the sources, beside `node_modules`, where `migrations` is found as from `dist`.
 */
export function buildServer(): string {
  const state = createHash('sha256')
  for (const name of fs.readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' }).sort()) {
    const file = path.join(root, 'src', name)
    if (fs.statSync(file).isFile()) state.update(name).update(fs.readFileSync(file))
  }
  const target = path.join(folder, state.digest('hex').slice(0, 16))
  const main = path.join(target, 'packed/main.js')
  if (fs.existsSync(main)) return main
  prepareFolder()
  // Several files of tests begin at once: each builds aside, and whoever comes second finds the name taken.
  const draft = `${target}.${process.pid}`
  spawnSync(process.execPath, [path.join(root, 'scripts/build-verifier.mjs')], { stdio: 'inherit' })
  const tsc = spawnSync(path.join(root, 'node_modules/.bin/tsc'), ['-p', 'tsconfig.build.json', '--outDir', draft], {
    cwd: root,
    encoding: 'utf8',
  })
  if (!fs.existsSync(path.join(draft, 'main.js'))) throw new Error(`the build failed:\n${tsc.stdout}${tsc.stderr}`)
  for (const script of ['copy-assets.mjs', 'pack.mjs'])
    spawnSync(process.execPath, [path.join(root, 'scripts', script), draft], { cwd: root, stdio: 'inherit' })
  try {
    fs.renameSync(draft, target)
  } catch {
    fs.rmSync(draft, { recursive: true, force: true })
  }
  return main
}

function prepareFolder(): void {
  fs.mkdirSync(folder, { recursive: true })
  fs.writeFileSync(path.join(folder, '.gitignore'), '*\n')
  // Migrations are looked for two levels above the store.
  const migrations = path.join(folder, 'migrations')
  if (!fs.existsSync(migrations)) fs.symlinkSync('../migrations', migrations)
  const aWhileAgo = Date.now() - 900_000
  for (const name of fs.readdirSync(folder)) {
    const old = path.join(folder, name)
    if (/^[0-9a-f]{16}/.test(name) && fs.statSync(old).mtimeMs < aWhileAgo)
      fs.rmSync(old, { recursive: true, force: true })
  }
}
