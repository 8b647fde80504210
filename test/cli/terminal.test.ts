import { PassThrough } from 'node:stream'
import { stripVTControlCharacters } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { askHidden, Interrupted } from '../../src/cli/prompt.ts'
import { startServer, type TestClient, type TestServer } from '../support/server.ts'
import { createOperator, hasTerminal, type Operator, operatorOf, runInTerminal } from './cli.ts'

let server: TestServer
let app: TestClient
let falconer: Operator
let env: Record<string, string>

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  falconer = createOperator(server)
  env = operatorOf(server)
})
afterAll(() => server.close())

const escape = '\u001B'
const plainOf = (screen: string): string => stripVTControlCharacters(screen).replaceAll('\r', '')

describe.skipIf(!hasTerminal)('on a terminal', () => {
  it('asks for a password twice and shows none of it', async () => {
    const secret = 'typed on a keyboard'
    const session = runInTerminal(['users', 'create', 'typist'], { env })
    await session.answer('Password: ', `${secret}\r`)
    await session.answer('Once more: ', `${secret}\r`)
    expect(await session.done).toBe(0)
    expect(session.screen()).not.toContain(secret)
    const { body } = await server.admin<{ items: unknown[] }>('GET', '/users?query=typist')
    expect(body.items).toHaveLength(1)
  })

  it('does nothing when the two differ, or on Ctrl-C', async () => {
    const typo = runInTerminal(['users', 'create', 'hasty'], { env })
    await typo.answer('Password: ', 'typed on a keyboard\r')
    await typo.answer('Once more: ', 'typed on another\r')
    expect(await typo.done).toBe(1)
    expect(typo.screen()).toContain('nothing was changed')
    const stopped = runInTerminal(['users', 'create', 'hasty'], { env })
    await stopped.answer('Password: ', '\u0003')
    expect(await stopped.done).toBe(130)
    expect(await falconer.json<unknown[]>('users', 'list', 'hasty')).toEqual([])
  })

  it('asks for the name of what will be gone, and takes no other', async () => {
    await server.createClient({ client_id: 'precious' })
    const wrong = runInTerminal(['clients', 'delete', 'precious'], { env })
    await wrong.answer('Type precious to confirm: ', 'yes\r')
    expect(await wrong.done).toBe(1)
    expect((await falconer('clients', 'show', 'precious')).code).toBe(0)
    const right = runInTerminal(['clients', 'delete', 'precious'], { env })
    await right.answer('Type precious to confirm: ', 'precious\r')
    expect(await right.done).toBe(0)
    expect((await falconer('clients', 'show', 'precious')).code).toBe(1)
  })

  it('shows the counts before it ends everything', async () => {
    const user = await server.createUser()
    const { refresh_token: token } = await app.tokens({ username: user.username })
    const session = runInTerminal(['revoke', '--all'], { env })
    await session.answer(
      /This ends everything of everybody: 1 session and 1 grant, .*Type everybody to confirm: /s,
      'everybody\r',
    )
    expect(await session.done).toBe(0)
    expect((await app.refresh(token)).status).toBe(400)
  })

  it('fits tables into the width, with how long ago things were, and colours unless NO_COLOR says not', async () => {
    for (const columns of [60, 80, 120]) {
      const session = runInTerminal(['clients', 'list'], { env }, columns)
      expect(await session.done).toBe(0)
      const lines = plainOf(session.screen()).trimEnd().split('\n')
      expect(lines[0]).toMatch(/^CLIENT +NAME +KIND/)
      expect(lines.slice(1).some((line) => line.startsWith('test-admin '))).toBe(true)
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(columns)
      if (columns === 120) expect(lines[1]).toMatch(/ ago$/)
      expect(session.screen()).toContain(`${escape}[1m`)
    }
    const plain = runInTerminal(['clients', 'list'], { env: { ...env, NO_COLOR: '1' } })
    expect(await plain.done).toBe(0)
    expect(plain.screen()).not.toContain(escape)
    const json = runInTerminal(['clients', 'list', '--json'], { env })
    expect(await json.done).toBe(0)
    expect(json.screen()).not.toContain(escape)
    expect(JSON.parse(json.screen())).toBeInstanceOf(Array)
  })

  it('lets no name from outside move the cursor or turn the text', async () => {
    await server.db.query(`insert into clients (client_id, metadata)
      select 'sly', metadata || '{"client_name": "a\\u001b[2Jb\\u202ec"}' from clients where client_id = 'test-admin'`)
    const session = runInTerminal(['clients', 'show', 'sly'], { env: { ...env, NO_COLOR: '1' } })
    expect(await session.done).toBe(0)
    expect(session.screen()).toContain('a\uFFFD[2Jb\uFFFDc')
    expect((await falconer('clients', 'list')).out).toContain('a\uFFFD[2Jb\uFFFDc')
    expect(await falconer.json('clients', 'show', 'sly')).toMatchObject({ client_name: 'a\u001b[2Jb\u202ec' })
  })
})

describe('a prompt', () => {
  it('writes nothing of what is typed, and ends when there is no more', async () => {
    const [input, errors] = [new PassThrough(), new PassThrough()]
    const answer = askHidden('Password: ', { input, errors })
    input.write('a secret\n')
    expect(await answer).toBe('a secret')
    expect(String(errors.read())).toBe('Password: \n')
    const unanswered = askHidden('Password: ', { input: new PassThrough().end(), errors })
    await expect(unanswered).rejects.toThrow(Interrupted)
  })
})
