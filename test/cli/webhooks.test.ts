import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestServer } from '../support/server.ts'
import { createOperator, type Operator } from './cli.ts'

let server: TestServer
let falconer: Operator
beforeAll(async () => {
  server = await startServer()
  falconer = createOperator(server)
})
afterAll(() => server.close())

describe('falconer webhooks', () => {
  it('makes one, changes it, gives it a new secret, lists it and deletes it', async () => {
    const made = await falconer.json<{ id: string; secret: string }>(
      'webhooks',
      'create',
      'https://hooks.example.com/falconer',
      '--event',
      'session.*',
      '--event',
      'user.disabled',
    )
    expect(made).toMatchObject({ events: ['session.*', 'user.disabled'], disabled: false })
    expect(made.secret).toMatch(/^whsec_/)
    const changed = await falconer.json('webhooks', 'update', made.id, '--disabled', '--description', 'for the watch')
    expect(changed).toMatchObject({ disabled: true, description: 'for the watch' })
    const rotated = await falconer.json<{ secret: string }>('webhooks', 'rotate-secret', made.id)
    expect(rotated.secret).not.toBe(made.secret)
    expect(await falconer.json('webhooks', 'list')).toMatchObject([{ id: made.id }])
    expect(await falconer.json('webhooks', 'deliveries', made.id, '--state', 'failed')).toEqual([])
    expect((await falconer('webhooks', 'delete', made.id, '--yes')).code).toBe(0)
    expect(await falconer.json('webhooks', 'list')).toEqual([])
  })

  it('says which option is wrong', async () => {
    const said = await falconer('webhooks', 'create', 'https://hooks.example.com/', '--event', 'Session')
    expect(said.code).toBe(1)
    expect(said.err).toContain('--event')
    expect((await falconer('webhooks', 'retry', 'nothing', 'nothing')).err).toContain('no such delivery')
  })
})
