import { readFileSync, statSync } from 'node:fs'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'
import { createFolder, createOperator, type Operator } from './cli.ts'

let server: TestServer
let app: TestClient
let falconer: Operator
const folder = createFolder()

beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  falconer = createOperator(server)
})
afterAll(async () => {
  folder.remove()
  await server.close()
})

const another = 'another long enough password'

describe('users', () => {
  it('registers a person with a password from the standard input, who can sign in with it', async () => {
    const profile = ['--email', 'Alice@Example.com', '--email-verified', '--name', 'Alice Example']
    const more = ['--address', '{"locality":"Lisbon"}', '--password-stdin', '--json']
    const created = await falconer.with({ input: `${password}\n` }, 'users', 'create', 'alice', ...profile, ...more)
    expect(created).toMatchObject({ code: 0, err: '' })
    expect(JSON.parse(created.out)).toMatchObject({
      username: 'alice',
      email_verified: true,
      name: 'Alice Example',
      address: { locality: 'Lisbon' },
      has_password: true,
    })
    expect((await app.tokens({ username: 'alice' })).access_token).toBeTruthy()
  })

  it('never asks where nobody is', async () => {
    const { code, out, err } = await falconer('users', 'create', 'nobody')
    expect({ code, out }).toEqual({ code: 2, out: '' })
    expect(err).toContain('--password-stdin')
    expect(await falconer.json<unknown[]>('users', 'list', 'nobody')).toEqual([])
    expect(await falconer.json('users', 'create', 'nobody', '--no-password')).toMatchObject({ has_password: false })
  })

  it('says what is wrong with a password, and not the password', async () => {
    const { code, err } = await falconer.with({ input: 'short' }, 'users', 'set-password', 'alice', '--password-stdin')
    expect(code).toBe(1)
    expect(err).toBe('password must have at least 8 characters.\n')
  })

  it('finds a person by id, user name or e-mail address', async () => {
    const { id } = await falconer.json<{ id: string }>('users', 'show', 'ALICE')
    for (const name of [id, 'alice', 'alice@example.COM'])
      expect(await falconer.json('users', 'show', name)).toMatchObject({ id, username: 'alice' })
    const { code, err } = await falconer('users', 'show', 'alic')
    expect({ code, err }).toEqual({ code: 1, err: 'There is no user "alic". Did you mean alice?\n' })
    expect(await falconer.json<unknown[]>('users', 'list', 'alice@')).toHaveLength(1)
  })

  it('changes the record', async () => {
    const args = ['--username', 'alicia', '--unset', 'address', '--no-email-verified']
    expect(await falconer.json('users', 'update', 'alice', ...args)).toMatchObject({
      username: 'alicia',
      email_verified: false,
    })
    expect(await falconer.json('users', 'show', 'alicia')).not.toHaveProperty('address')
    expect((await falconer('users', 'update', 'alicia', '--email', 'none')).err).toBe(
      '--email must be an e-mail address.\n',
    )
    expect((await falconer('users', 'update', 'alicia', '--username', 'alice')).code).toBe(0)
  })

  it('sets a password, keeps out and lets in; whatever was reached before has ended', async () => {
    const before = await app.tokens({ username: 'alice' })
    const said = await falconer.with({ input: another }, 'users', 'set-password', 'alice', '--password-stdin')
    expect(said).toMatchObject({ code: 0, out: '' })
    expect((await app.refresh(before.refresh_token)).status).toBe(400)
    expect((await falconer('users', 'disable', 'alice')).out).toBe(
      'alice is disabled, and everything of theirs has ended.\n',
    )
    expect(await falconer.json('users', 'enable', 'alice')).toMatchObject({ disabled: false })
    expect((await falconer.with({ input: password }, 'users', 'set-password', 'alice', '--password-stdin')).code).toBe(
      0,
    )
    expect((await app.tokens({ username: 'alice' })).access_token).toBeTruthy()
  })

  it('signs a person out everywhere, and says what the verifiers say', async () => {
    const { refresh_token: token } = await app.tokens({ username: 'alice' })
    const { code, out } = await falconer(
      'users',
      'revoke-sessions',
      'alice@example.com',
      '--reason',
      'lost laptop',
      '--wait',
      '2',
    )
    expect(code).toBe(0)
    expect(out).toMatch(/^\d+ sessions? and \d+ grants? have ended at position \d+\.\nNo verifier /)
    expect((await app.refresh(token)).status).toBe(400)
    const [event] = await falconer.json<{ type: string; detail: object }[]>('audit', 'list', '-n', '1')
    expect(JSON.stringify(event)).toContain('lost laptop')
  })

  it('exports what is kept about a person, into a file that only the owner reads', async () => {
    const file = path.join(folder.path, 'alice.json')
    const { code, err } = await falconer('users', 'export', 'alice', '--output', file)
    expect({ code, err }).toEqual({ code: 0, err: `Written to ${file}.\n` })
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(readFileSync(file, 'utf8')).toContain('Alice Example')
    const again = await falconer('users', 'export', 'alice', '--output', file)
    expect(again).toMatchObject({ code: 1, err: `${file} exists already: it is not overwritten.\n` })
    expect(JSON.stringify(await falconer.json('users', 'export', 'alice'))).not.toContain('argon2')
  })

  it('erases a person only when that is meant', async () => {
    expect((await falconer('users', 'erase', 'alice')).code).toBe(2)
    expect((await falconer('users', 'show', 'alice')).code).toBe(0)
    expect((await falconer('users', 'erase', 'alice', '--yes')).code).toBe(0)
    expect((await falconer('users', 'show', 'alice')).code).toBe(1)
  })
})
