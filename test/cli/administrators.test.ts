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

describe('falconer admin', () => {
  it('link prints an address, and until when it is good', async () => {
    const said = await falconer('admin', 'link', '--role', 'viewer')
    expect(said.out.trim()).toMatch(new RegExp(`^${server.url}/setup#flc_sl_[\\w-]+$`))
    expect(said.err).toContain('the role viewer')
    expect((await falconer('admin', 'link', '--role', 'king')).code).toBe(2)
  })

  it('grant, list and withdraw name a person as people do', async () => {
    const { username } = await server.createUser()
    expect((await falconer('admin', 'grant', username, 'responder')).out).toContain('has the role responder')
    expect(await falconer.json('admin', 'list')).toMatchObject([{ username, role: 'responder' }])
    expect((await falconer('admin', 'withdraw', username)).code).toBe(0)
    expect(await falconer.json('admin', 'list')).toEqual([])
    expect((await falconer('admin', 'grant', 'nobody', 'viewer')).err).toContain('There is no user')
  })
})
