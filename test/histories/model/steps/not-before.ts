import { constantFrom, nat, record } from 'fast-check'
import { drawLine, endAll, endClient, endUser } from '../rules/endings.ts'
import { known, nth, type World } from '../world.ts'
import { pick, recent, step } from './step.ts'

/** PUT /not-before: "now" is an ending, exact; seconds in the past are a line for what was authenticated before them. */
export const notBefore = step(
  'NotBefore',
  record({
    scope: constantFrom('server', 'client', 'user'),
    line: constantFrom('now', 'at', 'behind', 'behind', 'ago'),
    pick,
    user: nat(1),
    client: nat(2),
  }),
  (m, { scope, line, ...given }) => {
    const session = recent(m.sessions, given.pick)
    const login = session?.authTime ?? m.now
    const user = line !== 'now' && session ? session.user : nth(m.users, given.user)
    const client = nth(m.clients, given.client)
    if (scope === 'user' && user.isDeleted) return undefined
    const of = {
      server: { told: 'the server', line: m.server, id: () => ({}), end: () => endAll(m) },
      client: {
        told: client.label,
        line: client,
        id: (w: World) => ({ id: known(w.clients, client).id }),
        end: () => endClient(m, client),
      },
      user: {
        told: user.label,
        line: user,
        id: (w: World) => ({ id: known(w.users, user).id }),
        end: () => endUser(m, user),
      },
    }[scope]
    // At a login, so that it just lives; behind it, so that it just does not.
    const at = { now: m.now, at: login, behind: Math.min(login + 1, m.now), ago: m.now - 30 * given.pick }[line]
    return {
      told: `not-before of ${of.told}: ${line === 'now' ? line : `what was authenticated before ${at} s`}`,
      act: async (world) => {
        const wanted = line === 'now' ? line : world.began + at
        await world.admin('PUT', '/not-before', { scope, ...of.id(world), not_before: wanted })
        if (line === 'now') of.end()
        else drawLine(of.line, at)
      },
    }
  },
)
