import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { describe, expect, it } from 'vitest'

const script = path.resolve(import.meta.dirname, '../../scripts/histories.mjs')

/** The checker as it is run by hand: its exit status, and what it printed. */
async function check(...options: string[]): Promise<{ status: number; output: string }> {
  const run = spawn(process.execPath, [script, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [run.stdout, run.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [status] = (await once(run, 'close')) as [number]
  return { status, output }
}

const figure = (output: string, pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? 0)

describe('CVE-2026-1035, CVE-2026-9802, keycloak#51312: histories over three instances and three processes, with kill -9', () => {
  it.each([
    ['101', 'mixed', '4'],
    ['102', 'refresh', '5'],
    ['103', 'exchange', '5'],
  ])(
    'seed %s, profile %s: no promise is broken, and no honest client is left without a working token',
    async (seed, profile, pause) => {
      const options = ['--seconds', '9', '--seed', seed, '--profile', profile, '--kill-every', pause, '--clients', '12']
      const { status, output } = await check(...options)
      console.log(output)
      expect(output).toMatch(/honest clients with a working token at the end: 12 of 12/)
      expect(output).not.toContain('✘')
      expect(status).toBe(0)
      expect(figure(output, /^refresh +(\d+)/m)).toBeGreaterThan(0)
      expect(figure(output, /P10 .*checked (\d+)/)).toBeGreaterThan(0)
    },
    300_000,
  )
})
