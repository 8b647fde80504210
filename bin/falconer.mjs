#!/usr/bin/env node
// `falconer` on the command line. In a clone that was not built yet it builds first.
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import path from 'node:path'

const root = path.resolve(import.meta.dirname, '..')
const main = path.join(root, 'dist/cli/main.js')
if (!existsSync(main)) {
  // What a compiler says is not what was asked for: it goes to the other stream.
  const { status } = spawnSync(process.execPath, ['scripts/build.mjs'], { cwd: root, stdio: ['ignore', 2, 2] })
  if (status !== 0) process.exit(status ?? 1)
}
await import(main)
