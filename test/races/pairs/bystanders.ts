import { setTimeout as sleep } from 'node:timers/promises'
import type { Acts } from './acts.ts'
import type { Grant, Session, User } from './ledger.ts'
import type { Clients, Pair } from './operations.ts'

/** Someone whom the endings of a pair do not cover: whatever they hold has to be alive all along. */
export interface Bystander {
  readonly who: string
  readonly session: Session
  readonly grants: Grant[]
}

const touchesClients = new Set(['end-client', 'policy', 'end-user-client'])
const touchesUsers = new Set(['end-user'])

/**
 * A stranger at a client of their own; at the shared clients too, unless the pair ends those; and one of the shared people at the
 * quiet client, unless the pair ends people.
 */
export async function makeBystanders(
  acts: Acts,
  pair: Pair,
  shared: { readonly users: readonly User[]; readonly clients: Clients },
): Promise<Bystander[]> {
  const quiet = await acts.stage.server.createClient({ scope: 'openid profile offline_access' })
  const stranger = await acts.stage.server.createUser()
  const [first] = shared.users
  const [client] = shared.clients
  const made = [await hold(acts, 'a stranger', stranger, quiet)]
  if (client && !pair.some((name) => touchesClients.has(name) && name !== 'end-user-client'))
    made.push(await hold(acts, 'a stranger at a shared client', stranger, client))
  if (first && !pair.some((name) => touchesUsers.has(name)))
    made.push(await hold(acts, 'one of the people at a quiet client', first, quiet))
  return made
}

async function hold(acts: Acts, who: string, user: User, client: Clients[number]): Promise<Bystander> {
  const session = await acts.signIn(user, client)
  const [code] = session?.codes ?? []
  const grant = code && (await acts.exchange(code))
  if (!session || !grant) throw new Error(`${who} could not sign in`)
  // Not one of those that the pair meets at.
  acts.ledger.sessions.delete(session)
  return { who, session, grants: [grant] }
}

/** Uses what they hold several times a second until it is over, and once at the end; a refusal is a finding. */
export async function watch(acts: Acts, bystanders: readonly Bystander[], until: () => boolean): Promise<void> {
  const look = async ({ who, session, grants }: Bystander) => {
    for (const grant of grants) {
      if (!(await acts.refresh(grant, 'bystander refresh')))
        acts.findings.innocents.push(`${who}: a refresh was refused`)
      else if (!(await acts.introspect(grant, 'bystander introspect')))
        acts.findings.innocents.push(`${who}: a token was called dead`)
      const code = await acts.authorize(session, grant.code.client)
      if (!code) acts.findings.innocents.push(`${who}: a session was not known`)
    }
  }
  for (;;) {
    const isLast = until()
    await Promise.all(bystanders.map(look))
    if (isLast) return
    await sleep(100)
  }
}
