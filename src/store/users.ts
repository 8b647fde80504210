import type { Queries, Statement } from './database.ts'

export interface LoginCandidate {
  readonly id: string
  readonly username: string
  readonly passwordHash: string | null
  readonly isDisabled: boolean
  /** Feed position of the same snapshot: an ending above it ends what comes of this login. */
  readonly authPosition: number
}

const readForLogin: Statement = {
  name: 'read_for_login',
  text: `
select u.id, u.username, u.password_hash as "passwordHash", u.disabled_at is not null as "isDisabled", h.seq as "authPosition"
from users u join feed_head h on h.id = 1
where u.username_norm = $1::text or u.email_norm = $1::text
order by u.username_norm = $1::text desc limit 1`,
}

/** The user that a normalised name or e-mail address stands for; a user name wins over another user's address. */
export async function findLoginCandidate(db: Queries, identifier: string): Promise<LoginCandidate | undefined> {
  const rows = await db.run<LoginCandidate>(readForLogin, [identifier])
  return rows[0]
}

/** Waits for every exchange, login and ending of the user in flight; statements that follow see what became of them. */
export const lockUser: Statement = {
  name: 'lock_user',
  text: `select id from users where id = $1::uuid for no key update`,
}
