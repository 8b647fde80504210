// One word runs every static check and the tests that need no database, side by side. Usage: npm run check
import { spawn } from 'node:child_process'

/** @type {[name: string, command: string, args: string[]][]} */
const steps = [
  ['format', 'biome', ['check', '--error-on-warnings', '.']],
  ['lint', 'oxlint', ['--type-aware', '--deny-warnings', '.']],
  ['types', 'tsc', ['-p', 'tsconfig.json']],
  ['unused', 'knip', []],
  ['tests', 'vitest', ['run', '--config', 'vitest.check.config.ts']],
]

const started = performance.now()
let failed = 0
for (const [name, command, args] of steps) {
  let said = ''
  const run = spawn(`node_modules/.bin/${command}`, args, { shell: process.platform === 'win32' })
  for (const stream of [run.stdout, run.stderr]) stream.on('data', (text) => (said += String(text)))
  run.on('close', (status) => {
    const seconds = ((performance.now() - started) / 1000).toFixed(1)
    console.log(`${status === 0 ? '✔' : '✘'} ${name} (${seconds} s)`)
    if (status === 0) return
    console.log(said.trim())
    process.exitCode = ++failed
  })
}
