// How fast is Falconer beside its peer, and beside what is physically there? See --help.
import fs from 'node:fs'
import path from 'node:path'
import { installPeers } from './install.mjs'
import { help, readOptions } from './options.mjs'

const root = path.resolve(import.meta.dirname, '..')
const began = performance.now()
const say = (text) => console.error(`${((performance.now() - began) / 1000).toFixed(1).padStart(6)} s  ${text}`)

async function main() {
  const options = readOptions(process.argv.slice(2))
  if (options.help) return console.log(help)
  installPeers(say)
  // What follows imports the peers.
  const { run } = await import('./run.mjs')
  const { judge } = await import('./report/ratios.mjs')
  const { toText } = await import('./report/table.mjs')
  const measured = await run(options, say)
  const runs = [...options.with.map((file) => JSON.parse(fs.readFileSync(file, 'utf8'))), measured]
  const report = { ...measured, runs: runs.length, targets: judge(runs) }
  console.log(toText(report))
  if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
  if (options.write) {
    const { writePerformance } = await import('./report/markdown.mjs')
    const file = path.join(root, 'docs/performance.md')
    writePerformance(file, report)
    say(`wrote ${file}`)
  }
  if (report.targets.some(({ isMet }) => isMet === false)) process.exitCode = 1
}

await main().catch((error) => {
  console.error(error)
  process.exitCode = 2
})
