import { printDocument } from '../columns.ts'
import type { Context, Handler } from '../definition.ts'
import { findUserId } from '../find-user.ts'
import { showList } from '../lists.ts'

/** `user_id` and `client_id` of a list, from --user and --client. */
export async function whose(context: Context): Promise<{ user_id?: string; client_id?: string }> {
  const [user, client] = [context.given.text('user'), context.given.text('client')]
  return {
    ...(user === undefined ? {} : { user_id: await findUserId(await context.api(), user) }),
    ...(client === undefined ? {} : { client_id: client }),
  }
}

export const listSessions: Handler = async (context) =>
  showList(context, {
    path: '/sessions',
    scope: 'sessions:read',
    query: await whose(context),
    name: 'living sessions',
    columns: [
      { title: 'SID', of: 'sid' },
      { title: 'USER', of: 'username', isFlexible: true },
      { title: 'DEVICE', of: 'device', isFlexible: true },
      { title: 'LAST SEEN', of: 'last_seen_at' },
      { title: 'SIGNED IN', of: 'auth_time', isOptional: true },
      { title: 'IP', of: 'last_ip', isOptional: true },
    ],
  })

export const listGrants: Handler = async (context) =>
  showList(context, {
    path: '/grants',
    scope: 'sessions:read',
    query: { ...(await whose(context)), kind: context.given.text('kind') },
    name: 'living grants',
    columns: [
      { title: 'GID', of: 'gid' },
      { title: 'CLIENT', of: 'client_id', isFlexible: true },
      { title: 'KIND', of: 'kind' },
      { title: 'LAST USED', of: 'last_used_at' },
      { title: 'USER', of: 'user_id', isOptional: true },
      { title: 'SCOPE', of: 'scope', isFlexible: true, isOptional: true },
    ],
  })

async function showOne(context: Context, path: string): Promise<void> {
  const { terminal, args } = context
  const found = await (await context.api()).get(`${path}/${encodeURIComponent(args[0] ?? '')}`, 'sessions:read')
  await (terminal.isJson ? terminal.json(found) : printDocument(terminal, found))
}

export const showSession: Handler = (context) => showOne(context, '/sessions')
export const showGrant: Handler = (context) => showOne(context, '/grants')

async function revokeOne(context: Context, path: string, what: string): Promise<void> {
  const [id = ''] = context.args
  await (await context.api()).call('DELETE', `${path}/${encodeURIComponent(id)}`, 'sessions:revoke')
  // The server answers the same for what is over or was never there.
  context.terminal.note(`The ${what} is over.`)
}

export const revokeSession: Handler = (context) => revokeOne(context, '/sessions', 'session')
export const revokeGrant: Handler = (context) => revokeOne(context, '/grants', 'grant')
