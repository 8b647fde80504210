// Compiles packages/verifier, unless what is there was compiled from these very sources. Usage: node scripts/build-verifier.mjs
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import fs from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const folder = path.join(root, 'packages/verifier')
const stamp = path.join(folder, 'dist/.state')

function stateOfSources() {
  const state = createHash('sha256').update(fs.readFileSync(path.join(folder, 'package.json')))
  for (const name of fs.readdirSync(path.join(folder, 'src'), { recursive: true, encoding: 'utf8' }).sort()) {
    const file = path.join(folder, 'src', name)
    if (fs.statSync(file).isFile()) state.update(name).update(fs.readFileSync(file))
  }
  return state.digest('hex')
}

const state = stateOfSources()
if (!fs.existsSync(stamp) || fs.readFileSync(stamp, 'utf8') !== state) {
  const tsc = path.join(root, 'node_modules/.bin/tsc')
  const options = { cwd: folder, stdio: 'inherit', shell: process.platform === 'win32' }
  const { status } = spawnSync(tsc, ['-p', 'tsconfig.build.json'], options)
  if (status !== 0) process.exit(status ?? 1)
  fs.writeFileSync(stamp, state)
}
