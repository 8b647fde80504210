// One word runs every static check and the tests that need no database. Usage: npm run check
import { spawnSync } from 'node:child_process'

/** @type {[name: string, command: string, args: string[]][]} */
const steps = [
  ['format', 'biome', ['check', '--error-on-warnings', '.']],
  ['lint', 'oxlint', ['--type-aware', '--deny-warnings', '.']],
  ['types', 'tsc', ['-p', 'tsconfig.json']],
  ['unused', 'knip', []],
  ['tests', 'vitest', ['run', '--config', 'vitest.check.config.ts']],
]

let failed = 0
for (const [name, command, args] of steps) {
  const started = performance.now()
  const run = spawnSync(`node_modules/.bin/${command}`, args, { encoding: 'utf8', shell: process.platform === 'win32' })
  const seconds = ((performance.now() - started) / 1000).toFixed(1)
  console.log(`${run.status === 0 ? '✔' : '✘'} ${name} (${seconds} s)`)
  if (run.status !== 0) {
    console.log(`${run.stdout ?? ''}${run.stderr ?? ''}`.trim())
    failed++
  }
}
process.exit(failed === 0 ? 0 : 1)
