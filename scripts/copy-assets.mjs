// The compiler copies only what it compiles; the pages need their stylesheets and their icons beside them. Usage: node scripts/copy-assets.mjs [folder of the compiled src]
import { cpSync, readdirSync } from 'node:fs'
import path from 'node:path'

const from = path.resolve(import.meta.dirname, '../src')
const to = path.resolve(process.argv[2] ?? 'dist')

for (const name of readdirSync(from, { recursive: true, encoding: 'utf8' }))
  if (/\.(css|svg)$/.test(name)) cpSync(path.join(from, name), path.join(to, name))
