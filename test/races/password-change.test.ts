import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Browser } from '../support/browser.ts'
import { answerOf } from '../support/front-channel.ts'
import { parse } from '../support/html.ts'
import { type Instance, startInstances } from '../support/instance.ts'
import { password, startServer, type TestClient, type TestServer } from '../support/server.ts'

const path = '/account/password'
const rounds = 10
let server: TestServer
let app: TestClient
let instances: Instance[]
beforeAll(async () => {
  server = await startServer()
  app = await server.createClient()
  instances = await startInstances(server, 2)
})
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.end('SIGTERM')))
  await server.close()
})

const jitter = () => sleep(Math.random() * 12)
const isSignedIn = async (browser: Browser) =>
  answerOf(await browser.open(app.request({ prompt: 'none' }).url))?.['code'] !== undefined
const canSignInWith = async (username: string, secret: string) => {
  const browser = server.browser()
  const page = await browser.open(app.request().url)
  return answerOf(await browser.submit(page, { username, password: secret }))?.['code'] !== undefined
}
/** The form, filled in and ready to be sent to one of the instances; the answer's status. */
const prepare = async (browser: Browser, to: number, wanted: string, box: 'on' | '') => {
  const hidden = parse((await browser.open(path)).body).forms[0]?.fields ?? {}
  const typed = { current_password: password, new_password: wanted, repeat_password: wanted, sign_out_others: box }
  const url = (instances[to] as Instance).url + path
  return async () => (await browser.post(url, { ...hidden, ...typed }, { origin: server.url })).status
}

describe('two changes at once with the same old password, over two processes (keycloak#37231)', () => {
  it.each([
    ['in two browsers, the others staying', '', 409],
    ['in two browsers, the others going', 'on', 401],
  ] as const)('%s: exactly one wins', async (_, box, lost) => {
    for (let round = 0; round < rounds; round++) {
      const { username } = await server.createUser()
      const browsers = await Promise.all([0, 1].map(async () => (await app.signIn({ username })).browser))
      const wanted = ['the first new password', 'the second new password']
      const ready = await Promise.all(browsers.map((browser, i) => prepare(browser, i, wanted[i] ?? '', box)))
      const statuses = await Promise.all(ready.map((change) => change()))
      const winner = statuses.indexOf(303)
      // Who comes so late that the old password is already wrong, or the session over, is refused as anybody would be.
      expect([303, lost, 403, 401]).toContain(statuses[1 - winner])
      expect(statuses.filter((status) => status === 303)).toHaveLength(1)
      const works = await Promise.all([password, ...wanted].map((secret) => canSignInWith(username, secret)))
      expect(works).toEqual([false, winner === 0, winner === 1])
      const alive = await Promise.all(browsers.map((browser) => isSignedIn(browser)))
      expect(alive).toEqual(box === 'on' ? [winner === 0, winner === 1] : [true, true])
    }
  })

  it('in one browser, by the same form sent twice: one wins, and the session has the secret of that one', async () => {
    for (let round = 0; round < rounds; round++) {
      const { username } = await server.createUser()
      const { browser } = await app.signIn({ username })
      const [first, second] = [browser.clone(), browser.clone()]
      const ready = [
        await prepare(first, 0, 'the first new password', 'on'),
        await prepare(second, 1, 'the other one', 'on'),
      ]
      const statuses = await Promise.all(ready.map((change) => change()))
      expect(statuses.filter((status) => status === 303)).toHaveLength(1)
      const alive = await Promise.all([first, second, browser].map((who) => isSignedIn(who)))
      expect(alive).toEqual([statuses[0] === 303, statuses[1] === 303, false])
    }
  })
})

describe('a change and an administrator at once', () => {
  const acts = {
    'sets a password': { call: 'password', body: { password: 'set by an administrator' } },
    'disables the user': { call: 'disable', body: {} },
  }

  it.each(Object.entries(acts))('who %s: no session lives after the answer, whoever came first', async (_, act) => {
    for (let round = 0; round < rounds; round++) {
      const { id, username } = await server.createUser()
      const { browser } = await app.signIn({ username })
      const old = browser.clone()
      const change = await prepare(browser, round % 2, 'changed by the person', 'on')
      const [status, answer] = await Promise.all([
        jitter().then(change),
        jitter().then(() => server.admin('POST', `/users/${id}/${act.call}`, act.body)),
      ])
      expect([200, 204]).toContain(answer.status)
      expect([303, 401, 403, 409]).toContain(status)
      expect([await isSignedIn(browser), await isSignedIn(old)]).toEqual([false, false])
      const sessions = await server.db.query('select from sessions where user_id = $1 and revoked_at is null', [id])
      expect(sessions).toHaveLength(0)
      if (act.call === 'disable') await server.admin('POST', `/users/${id}/enable`)
      else expect(await canSignInWith(username, 'set by an administrator')).toBe(true)
      expect(await isSignedIn(browser)).toBe(false)
      if (act.call === 'password') expect(await canSignInWith(username, 'changed by the person')).toBe(false)
    }
  })
})
