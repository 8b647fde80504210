// Races every two operations at the same few sessions, several processes on one database, and counts deadlocks and survivors.
// Usage: npm run test:races -- [--seconds 60] [--pair refresh,logout]... [--all] [--help]
import path from 'node:path'
import { parseArgs } from 'node:util'
import { startVitest } from 'vitest/node'

const main = ['refresh', 'exchange', 'login', 'logout', 'end-user', 'end-client', 'policy']
const more = ['end-session', 'end-user-client', 'reuse']
const help = `Races every two operations at the same few sessions, people and clients, over three processes on one PostgreSQL.

  npm run test:races -- --seconds 60 --pair refresh,logout --pair storm

  --seconds N   how long each race takes (60)
  --pair a,b    only this one; may be given several times; "storm" is refreshes without a pause beside logouts
  --all         also the pairs with ${more.join(', ')}
  --help        this text

Operations: ${[...main, ...more].join(', ')}.
It ends with 0 when there was no deadlock, no survivor (a success that began after the answer of an ending that covers it), no ending of
what nobody had ended and no fault of the server; with 1 when there was one; with 2 when it could not run.`

/** @param {string} problem @returns {never} */
function refuse(problem) {
  console.error(`${problem}\n\n${help}`)
  process.exit(2)
}

function readArguments() {
  try {
    return parseArgs({
      options: {
        seconds: { type: 'string', default: '60' },
        pair: { type: 'string', multiple: true },
        all: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

const { seconds, pair: pairs, all, help: wantsHelp } = readArguments()
if (wantsHelp) {
  console.log(help)
  process.exit(0)
}
if (!(Number(seconds) > 0)) refuse('--seconds must be a number above 0')
for (const pair of pairs ?? []) {
  const names = pair.split(',')
  const isKnown = names.length === 2 && names.every((name) => [...main, ...more].includes(name))
  if (pair !== 'storm' && !isKnown) refuse(`--pair ${pair}: not two of the operations`)
}

process.env['RACES_SECONDS'] = seconds
if (pairs) process.env['RACES_PAIRS'] = pairs.join(' ')
if (all) process.env['RACES_ALL'] = 'yes'

const root = path.resolve(import.meta.dirname, '..')
let ended = 'not run'
const vitest = await startVitest('test', ['test/races/pairs/pairs.test.ts'], {
  root,
  watch: false,
  reporters: [
    {
      onUserConsoleLog: ({ content }) => void process.stdout.write(content),
      onTestCaseResult: (test) => {
        if (test.result().state !== 'skipped') ended = test.result().state
      },
      onTestRunEnd: (modules, errors) => {
        const broken = modules.flatMap((module) => module.errors())
        for (const { message, stack } of [...errors, ...broken]) console.error(stack ?? message)
        if (errors.length > 0 || broken.length > 0) ended = 'not run'
        for (const module of modules)
          for (const test of module.children.allTests('failed'))
            for (const { message, name } of test.result().errors ?? []) {
              console.error(message)
              if (name !== 'AssertionError') ended = 'not run'
            }
      },
    },
  ],
})
await vitest.close()
console.log({ passed: 'It held.', failed: 'It did not hold.' }[ended] ?? 'It could not run.')
process.exit({ passed: 0, failed: 1 }[ended] ?? 2)
