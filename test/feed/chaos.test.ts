import { spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { expect, it } from 'vitest'

const script = path.resolve(import.meta.dirname, '../../scripts/feed.mjs')

/** The chaos run as it is started by hand: its exit status, and what it printed. */
async function run(...options: string[]): Promise<{ status: number; output: string }> {
  const child = spawn(process.execPath, [script, ...options], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  const [status] = (await once(child, 'close')) as [number]
  return { status, output }
}

const figure = (output: string, pattern: RegExp): number => Number(pattern.exec(output)?.[1] ?? 0)

it('nothing that was ended is accepted later than the bound, and nothing is missed, whatever fails on the way', async () => {
  const size = ['--instances', '2', '--verifiers', '4', '--processes', '2', '--rate', '4']
  const { status, output } = await run('--seconds', '12', '--seed', '7', ...size)
  console.log(output)
  expect(output).not.toContain('✘')
  expect(status).toBe(0)
  expect(figure(output, /^faults +(\d+)/m)).toBeGreaterThan(0)
  expect(figure(output, /^pairs .*?(\d+)$/m)).toBeGreaterThan(0)
}, 300_000)
