// The peers have a lockfile of their own, so that they never become dependencies of the product.
import { spawnSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

const bench = import.meta.dirname

/** Installs them when they are not there as the lockfile says. @throws {Error} when npm cannot */
export function installPeers(say) {
  if (isInstalled()) return
  say('installing what is measured against: npm ci --prefix bench')
  const { status, error } = spawnSync('npm', ['ci', '--prefix', bench, '--no-audit', '--loglevel=error'], {
    cwd: bench,
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  })
  if (status !== 0) throw new Error(`npm ci failed in bench/: ${error?.message ?? `status ${status}`}`)
}

/** npm notes what it has installed, and when. */
function isInstalled() {
  const noted = fs.statSync(path.join(bench, 'node_modules/.package-lock.json'), { throwIfNoEntry: false })
  const wanted = fs.statSync(path.join(bench, 'package-lock.json'))
  return noted !== undefined && noted.mtimeMs >= wanted.mtimeMs
}
