import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startServer, type TestClient, type TestServer } from '../../support/server.ts'
import { at, claimsOf } from '../../support/tokens.ts'
import { signInAt } from './sign-in-at.ts'

let servers: [TestServer, TestServer]
let client: TestClient
beforeAll(async () => {
  const server = await startServer()
  servers = [server, await server.another()]
  client = await server.createClient()
})
afterAll(async () => {
  await servers[1].close()
  await servers[0].close()
})

type Which = 0 | 1
const either = (): Which => (Math.random() < 0.5 ? 0 : 1)
const now = () => performance.timeOrigin + performance.now()

interface Minted {
  readonly token: string
  readonly rvp: number
  /** The life of the user that it belongs to: everything is ended between one and the next. */
  readonly life: number
  readonly by: Which
  readonly atMs: number
}
interface Line {
  readonly position: number
  /** It ended this life and all before it. */
  readonly life: number
  readonly by: Which
  readonly atMs: number
}

async function signIn(by: Which, username: string, life: number): Promise<{ minted: Minted; refreshToken: string }> {
  const tokens = await signInAt(servers[by], client, username)
  return { minted: mintedBy(by, tokens.access_token, life), refreshToken: tokens.refresh_token }
}

const mintedBy = (by: Which, token: string, life: number): Minted => ({
  token,
  rvp: claimsOf(token).rvp,
  life,
  by,
  atMs: now(),
})

async function endAll(by: Which, userId: string, life: number): Promise<Line> {
  const { status, body } = await servers[by].admin<{ position: number }>('POST', '/revocations', { user_id: userId })
  if (status !== 200) throw new Error(`not ended: ${JSON.stringify(body)}`)
  return { position: body.position, life, by, atMs: now() }
}

/** Refreshes until it is refused. */
async function refreshUntilDead(first: string, life: number, minted: Minted[]): Promise<void> {
  for (let token = first; ; ) {
    const by = either()
    const { status, body } = await at(servers[by], client).refresh(token)
    if (status === 400) return
    // A busy machine may not get a lock in time.
    if (status === 503) continue
    if (status !== 200) throw new Error(`a refresh was answered ${status}`)
    minted.push(mintedBy(by, body.access_token, life))
    token = body.refresh_token
  }
}

/** How many pairs of a token and an ending of its user a rule judges wrongly. */
function judge(
  people: readonly { minted: readonly Minted[]; lines: readonly Line[] }[],
  isRefused: (token: Minted, line: Line) => boolean,
): { escaped: number; falselyRefused: number } {
  let [escaped, falselyRefused] = [0, 0]
  for (const { minted, lines } of people) {
    for (const token of minted) {
      for (const line of lines) {
        const isOver = token.life <= line.life
        if (isOver && !isRefused(token, line)) escaped++
        if (!isOver && isRefused(token, line)) falselyRefused++
      }
    }
  }
  return { escaped, falselyRefused }
}

const people = 6
/** FALCONER_MINT_LIVES=… for long runs by hand. */
const lives = Number(process.env['FALCONER_MINT_LIVES'] ?? 5)

describe('tokens that are minted while their users are ended', () => {
  it('the position tells those of before from those of after; the time of issue cannot', async () => {
    const all = await Promise.all(
      Array.from({ length: people }, async () => {
        const user = await servers[0].createUser()
        const minted: Minted[] = []
        const lines: Line[] = []
        const late: Promise<void>[] = []
        for (let life = 0; life < lives; life++) {
          const starts = await Promise.all([signIn(0, user.username, life), signIn(1, user.username, life)])
          minted.push(...starts.map((start) => start.minted))
          const refreshing = starts.map(({ refreshToken }) => refreshUntilDead(refreshToken, life, minted))
          await sleep(50 + Math.random() * 150)
          lines.push(await endAll(either(), user.id, life))
          // The next life begins while the last refreshes of this one are still on their way.
          late.push(...refreshing)
        }
        minted.push((await signIn(either(), user.username, lives)).minted)
        await Promise.all(late)
        return { minted, lines }
      }),
    )
    const tokens = all.reduce((sum, { minted }) => sum + minted.length, 0)
    const byPosition = judge(all, ({ rvp }, { position }) => rvp < position)
    const skewMs = [500, -500] as const
    const second = ({ atMs, by }: Minted | Line) => Math.floor((atMs + skewMs[by]) / 1000)
    const byTime = judge(all, (token, line) => second(token) <= second(line))
    console.log(
      `${tokens} tokens, ${people * lives} endings: by position ${JSON.stringify(byPosition)}, by time of issue ${JSON.stringify(byTime)}`,
    )
    expect(byPosition).toEqual({ escaped: 0, falselyRefused: 0 })
    expect(byTime.escaped, 'too weak: the time of issue would do').toBeGreaterThan(0)
    expect(byTime.falselyRefused, 'too weak: the time of issue would do').toBeGreaterThan(0)
  })
})

/** FALCONER_RELOGINS=… for long runs by hand. */
const logins = Number(process.env['FALCONER_RELOGINS'] ?? 200)
const lanes = 4

describe('who signs in again directly after everything of theirs was ended', () => {
  it('is let in at once, on both instances, and nothing of before is', async () => {
    const seen = { logins: 0, inTheSameSecond: 0 }
    await Promise.all(
      Array.from({ length: lanes }, async () => {
        const user = await servers[0].createUser()
        let before = await signIn(either(), user.username, 0)
        for (let life = 1; life <= logins / lanes; life++) {
          const line = await endAll(either(), user.id, life - 1)
          const after = await signIn(either(), user.username, life)
          const judged = await Promise.all(
            ([0, 1] as const).flatMap((which) =>
              [before, after].map(({ minted }) => at(servers[which], client).isActive(minted.token)),
            ),
          )
          expect(judged).toEqual([false, true, false, true])
          expect(before.minted.rvp).toBeLessThan(line.position)
          expect(after.minted.rvp).toBeGreaterThanOrEqual(line.position)
          const again = await at(servers[either()], client).refresh(before.refreshToken)
          expect(again.status).toBe(400)
          seen.logins++
          if (Math.floor(after.minted.atMs / 1000) === Math.floor(line.atMs / 1000)) seen.inTheSameSecond++
          before = after
        }
      }),
    )
    console.log(JSON.stringify(seen))
    expect(seen.inTheSameSecond, 'none was in the second of its ending: the test says nothing').toBeGreaterThan(0)
  })
})
