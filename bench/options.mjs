import { parseArgs } from 'node:util'
import { flows } from './flows/index.mjs'

export const help = `Falconer beside oidc-provider and a floor server, on one machine and one PostgreSQL.

Usage: npm run bench -- [options]

  --flow a,b       only these flows: ${Object.keys(flows).join(', ')}
  --only a,b       only servers whose name contains one of these: falconer, prepared, plain, floor
  --race           only the race: eight uses of one refresh token at once
  --rounds N       rounds of each server at each concurrency (3)
  --seconds N      seconds of each round (2)
  --quick          one short round at few concurrencies, under two minutes; figures are rough
  --json FILE      writes everything that was measured
  --with a,b       counts earlier runs too, as --json wrote them: a target's figure is then the median
  --write          writes docs/performance.md
  --help

Exit status: 0 when every committed target that was measured is met, 1 when one is missed, 2 when it could not run.`

/** @throws {Error} with what is wrong */
export function readOptions(args) {
  const { values } = parseArgs({
    args,
    options: {
      flow: { type: 'string' },
      only: { type: 'string' },
      race: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      with: { type: 'string' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  const { quick } = values
  const names = values.flow?.split(',') ?? Object.keys(flows)
  const unknown = names.find((name) => !Object.hasOwn(flows, name))
  if (unknown !== undefined)
    throw new Error(`--flow: there is no ${unknown}; there are ${Object.keys(flows).join(', ')}`)
  if (values.write && (quick || values.flow || values.only || values.race))
    throw new Error('--write publishes whole runs: not together with --quick, --flow, --only or --race')
  return {
    ...values,
    flows: values.race ? [] : names,
    only: values.only?.split(','),
    with: values.with?.split(',') ?? [],
    rounds: positive('--rounds', values.rounds ?? (quick ? '1' : '3')),
    seconds: positive('--seconds', values.seconds ?? (quick ? '1' : '2')),
    raceRounds: quick ? 5 : 20,
    isRacing: values.race || values.flow === undefined,
  }
}

function positive(name, text) {
  const value = Number(text)
  if (!(value > 0)) throw new Error(`${name}: ${text} is not a number above 0`)
  return value
}
