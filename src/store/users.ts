import { combined, inPlace } from './combiner.ts'
import type { Statement } from './database.ts'
import { attemptsUnder, countingAttempts, type Limit } from './limits.ts'

export interface LoginCandidate {
  readonly id: string
  readonly username: string
  readonly passwordHash: string | null
  readonly isDisabled: boolean
  /** Feed position of the same snapshot: an ending above it ends what comes of this login. */
  readonly authPosition: number
}

const beginAttempt: Statement = {
  name: 'begin_login_attempt',
  text: `
with ${countingAttempts({ places: '$2', keys: '$3', counts: '$4', seconds: '$5' })}
select p.place::int, w.seconds as "waitSeconds", u.id, u.username, u.password_hash as "passwordHash", u.disabled_at is not null as "isDisabled",
       h.seq as "authPosition"
from unnest($1::text[]) with ordinality as p (identifier, place) join feed_head h on h.id = 1 left join waits w on w.place = p.place
left join lateral (
  select * from users where w.place is null and (username_norm = p.identifier or email_norm = p.identifier)
  order by username_norm = p.identifier desc limit 1
) u on true`,
}

/** Whose password it is to be, if anybody's; or how long nobody may try. */
export type LoginAttempt =
  | { readonly waitSeconds: number }
  | { readonly waitSeconds: 0; readonly candidate: LoginCandidate | undefined }

type AttemptRow = LoginCandidate & {
  readonly place: number
  readonly waitSeconds: number | null
  readonly id: string | null
}

/**
 * Counts an attempt to sign in and reads the user that a normalised name or e-mail address stands for; a user name wins over another user's
 * address. Together with those of the same moment.
 */
export const beginLoginAttempt = combined<
  { readonly identifier: string; readonly limits: readonly Limit[] },
  LoginAttempt
>({
  concurrency: 2,
  run: async (db, batch) => {
    const rows = await db.run<AttemptRow>(beginAttempt, [
      batch.map(({ identifier }) => identifier),
      ...attemptsUnder(batch),
    ])
    return inPlace(rows, batch.length).map((row) => {
      if (row?.waitSeconds) return { waitSeconds: row.waitSeconds }
      return { waitSeconds: 0, candidate: row?.id ? row : undefined }
    })
  },
})

/** Waits for every exchange, login and ending of the user in flight; statements that follow see what became of them. */
export const lockUser: Statement = {
  name: 'lock_user',
  text: `select id from users where id = $1::uuid for no key update`,
}
