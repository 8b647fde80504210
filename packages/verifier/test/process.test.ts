import { execFileSync, spawn } from 'node:child_process'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { audience, credentials, type FakeIssuer, startFakeIssuer } from './fake-issuer.ts'

const root = path.resolve(import.meta.dirname, '../../..')
const entry = path.join(root, 'packages/verifier/dist/index.js')
let issuer: FakeIssuer

beforeAll(async () => {
  execFileSync(process.execPath, [path.join(root, 'scripts/build-verifier.mjs')])
  issuer = await startFakeIssuer()
})
afterAll(() => issuer.close())

function run(script: string): Promise<{ status: number | null; output: string }> {
  const options = JSON.stringify({ issuer: issuer.url, audience, ...credentials })
  const source = `import { createVerifier } from ${JSON.stringify(entry)}\nconst verifier = createVerifier(${options})\n${script}`
  const child = spawn(process.execPath, ['--input-type=module', '-e', source], { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += String(text)))
  return new Promise((resolve) => child.on('close', (status) => resolve({ status, output })))
}

describe('a process', () => {
  it('is not kept alive by a verifier, not even while it listens', async () => {
    const script = `await verifier.ready(); await new Promise((resolve) => setTimeout(resolve, 300)); console.log(verifier.state().fresh)`
    expect(await run(script)).toEqual({ status: 0, output: 'true\n' })
  })

  it('is kept alive while somebody waits for an answer', async () => {
    const token = issuer.token({ rvp: issuer.feed.head + 1 })
    issuer.faults.introspectionDelayMs = 300
    const script = `await verifier.ready()
      console.log((await verifier.verify('${token}', { onStale: 'introspect' })).policy)`
    expect(await run(script)).toEqual({ status: 0, output: 'introspect\n' })
  })

  it('that closes the verifier hears so where it waited', async () => {
    const script = `const waiting = verifier.ready(); verifier.close(); await waiting.catch((error) => console.log(error.message))`
    expect(await run(script)).toEqual({ status: 0, output: 'The verifier was closed\n' })
  })
})
