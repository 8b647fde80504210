// Does a refresh cost more when there are more sessions? See --help.
import fs from 'node:fs'
import path from 'node:path'
import { drawChart } from './chart.mjs'
import { help, readOptions } from './options.mjs'
import { writeRegion } from './region.mjs'
import { judge, toMarkdown, toText } from './report.mjs'
import { run } from './run.mjs'

const docs = path.resolve(import.meta.dirname, '../../docs')
/** Few connections, where a request hardly waits for another, and many. */
const drawn = [8, 32]
const say = (text) => console.error(`${(performance.now() / 1000).toFixed(1).padStart(6)} s  ${text}`)

async function main() {
  const options = readOptions(process.argv.slice(2))
  if (options.help) return console.log(help)
  const measured = await run(options, say)
  const report = { ...measured, targets: judge(measured) }
  console.log(toText(report))
  if (options.json) fs.writeFileSync(options.json, `${JSON.stringify(report, null, 2)}\n`)
  if (options.write) write(report)
  if (report.targets.some(({ isMet }) => isMet === false)) process.exitCode = 1
}

function write(report) {
  fs.writeFileSync(path.join(docs, 'images/scale.svg'), drawChart(report.sizes, drawn))
  const file = path.join(docs, 'performance.md')
  writeRegion(file, 'scale', toMarkdown(report), 'Performance')
  say(`wrote ${file}`)
}

await main().catch((error) => {
  console.error(error)
  process.exitCode = 2
})
