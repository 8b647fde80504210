import { findRole, grantRole, withdrawRole } from '../../admin/administrators.ts'
import { namesIn, noteReading, readAuditEvents } from '../../admin/audit-events.ts'
import { badField } from '../../admin/problem.ts'
import { readGrants, readSessions } from '../../admin/sessions.ts'
import { disableUser, enableUser } from '../../admin/user-events.ts'
import { readUser, readUsers } from '../../admin/users.ts'
import { type AdminRole, adminRoleNames } from '../../domain/admin-role.ts'
import { requirePowerOver } from '../admin/access.ts'
import { RoleSelect } from '../views/console/administrators.tsx'
import { Ask } from '../views/console/ask.tsx'
import { UserBody, UserList } from '../views/console/users.tsx'
import { words } from '../views/console/words.ts'
import { asked } from './list.ts'
import type { Pages } from './page.tsx'
import type { ConsoleTools } from './visitor.ts'

const say = words.users
const pathOf = (id: string) => `/admin/users/${id}`

/** Users: found by the beginning of a name, shown with all that is alive of them; kept out, let in, and made administrators. */
export function userPages(pages: Pages, tools: ConsoleTools): void {
  pages.get('/users', 'users:read', async ({ query: given, visitor: { now } }) => {
    const { filter, page, query } = asked(given, ['query'])
    const { items, next_cursor: next } = await readUsers({ ...filter, ...page }, tools)
    return {
      section: 'users',
      title: words.sections.users,
      body: <UserList users={items} query={query} next={next} now={now} />,
    }
  })

  pages.get('/users/:id', 'users:read', async ({ params: { id = '' }, visitor }) => {
    const user = await readUser(id, tools)
    const own = { user_id: id }
    const [role, sessions, grants, events] = await Promise.all([
      findRole(id, tools),
      readSessions(own, { limit: 50 }, tools),
      readGrants(own, { limit: 50 }, tools),
      readAuditEvents(own, { limit: 10 }, tools),
    ])
    noteReading(own, visitor.actor, tools)
    // Only those who may everything act on an administrator.
    const change = visitor.may('users:write') && (role === undefined || visitor.may('admin'))
    const may = { end: visitor.may('sessions:revoke'), change, administer: visitor.may('admin') }
    const names = await namesIn(events.items, tools)
    const living = { sessions: sessions.items, grants: grants.items, events: events.items, names }
    const body = <UserBody user={user} role={role ?? null} {...living} now={visitor.now} may={may} />
    return { section: 'users', title: user.username, body }
  })

  for (const [act, change] of [
    ['disable', disableUser],
    ['enable', enableUser],
  ] as const) {
    pages.question(`/users/:id/${act}`, 'users:write', async ({ params: { id = '' }, csrf }) => {
      const { username } = await readUser(id, tools)
      const form = { action: `${pathOf(id)}/${act}`, csrf, act: say[`${act}Act`], back: pathOf(id) }
      return {
        section: 'users',
        title: say[`${act}Title`](username),
        body: <Ask {...form} lead={say[`${act}Lead`]} isDangerous={act === 'disable'} />,
      }
    })

    pages.post(`/users/:id/${act}`, 'users:write', async ({ params: { id = '' }, visitor }) => {
      await requirePowerOver(id, visitor, tools)
      await change(id, visitor.actor, tools)
      return { goTo: pathOf(id) }
    })
  }

  pages.question('/users/:id/role', 'admin', async ({ params: { id = '' }, csrf }) => {
    const { username } = await readUser(id, tools)
    const role = await findRole(id, tools)
    return {
      section: 'users',
      title: say.roleTitle(username),
      body: (
        <Ask action={`${pathOf(id)}/role`} csrf={csrf} act={say.roleAct} back={pathOf(id)}>
          <label for="role">{say.roleLabel}</label>
          <RoleSelect selected={role ?? ''} withNone />
        </Ask>
      ),
    }
  })

  pages.post('/users/:id/role', 'admin', async ({ params: { id = '' }, form, visitor }) => {
    const role = roleNamed(form.get('role'))
    await (role === undefined ? withdrawRole(id, visitor.actor, tools) : grantRole(id, role, visitor.actor, tools))
    return { goTo: pathOf(id) }
  })
}

/** The role that a form names; undefined for none. @throws {Problem} */
export function roleNamed(name: string | undefined): AdminRole | undefined {
  const role = adminRoleNames.find((known) => known === name)
  if (name !== undefined && role === undefined) throw badField({ path: ['role'], detail: 'must be a role' })
  return role
}
