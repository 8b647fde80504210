import type { AdminRole } from '../domain/admin-role.ts'
import type { Queries, Statement } from './database.ts'

/** A person who calls the admin API, as of now. */
export interface CallingPerson {
  /** Null: may not administer. */
  readonly role: AdminRole | null
  /** Seconds since the authentication that the token tells of. */
  readonly authAgeSeconds: number
  /** Seconds since 1970, by the database clock. */
  readonly nowSeconds: number
}

const read: Statement = {
  name: 'read_calling_person',
  text: `
select (select role from administrators where user_id = $1::uuid), extract(epoch from clock_now())::float8 as "nowSeconds",
  extract(epoch from clock_now())::float8 - $2::float8 as "authAgeSeconds"`,
}

/** What a person may do is read at every call: a role that was taken away is gone at once. */
export async function readCallingPerson(db: Queries, userId: string, authTimeSeconds: number): Promise<CallingPerson> {
  const [row] = await db.run<CallingPerson>(read, [userId, authTimeSeconds])
  if (!row) throw new Error('the database has no clock')
  return row
}

/** A person who may administer. */
export interface Administrator {
  readonly userId: string
  readonly username: string
  readonly role: AdminRole
  readonly grantedAt: Date
}

const columns = `a.user_id as "userId", u.username, a.role, a.granted_at as "grantedAt"`

const find: Statement = {
  name: 'read_administrator',
  text: `select ${columns} from administrators a join users u on u.id = a.user_id where a.user_id = $1::uuid`,
}

export async function findAdministrator(db: Queries, userId: string): Promise<Administrator | undefined> {
  const [row] = await db.run<Administrator>(find, [userId])
  return row
}

const page: Statement = {
  name: 'list_administrators',
  text: `
select ${columns} from administrators a join users u on u.id = a.user_id
where $1::uuid is null or a.user_id > $1::uuid order by a.user_id limit $2::int`,
}

export function listAdministrators(db: Queries, request: { after?: string; limit: number }): Promise<Administrator[]> {
  return db.run<Administrator>(page, [request.after ?? null, request.limit])
}

const grant: Statement = {
  name: 'grant_admin_role',
  text: `
insert into administrators (user_id, role) values ($1::uuid, $2::text)
on conflict (user_id) do update set role = excluded.role, granted_at = clock_now()`,
}

/** Gives a role to a user who is there, in place of the one before. */
export async function writeAdminRole(tx: Queries, userId: string, role: AdminRole): Promise<void> {
  await tx.run(grant, [userId, role])
}

const withdraw: Statement = {
  name: 'withdraw_admin_role',
  text: 'delete from administrators where user_id = $1::uuid returning role',
}

/** Takes the role away. False: there was none. */
export async function deleteAdminRole(tx: Queries, userId: string): Promise<boolean> {
  return (await tx.run(withdraw, [userId])).length === 1
}
