import type { readAdministrators } from '../../../admin/administrators.ts'
import { adminRoleNames } from '../../../domain/admin-role.ts'
import { HiddenFields } from '../hidden-fields.tsx'
import { ExactInstant } from './instant.tsx'
import { Pager, Table } from './table.tsx'
import { words } from './words.ts'

type Administrator = Awaited<ReturnType<typeof readAdministrators>>['items'][number]

const say = words.administrators

interface AdministratorListProps {
  people: readonly Administrator[]
  query: Record<string, string>
  next: string | null
  csrf: string
  mayChange: boolean
}

/** The people who may administer, and for those who may everything a way to invite another one. */
export function AdministratorList({ people, query, next, csrf, mayChange }: AdministratorListProps) {
  return (
    <>
      <Table
        caption={say.list}
        empty={say.none}
        rows={people}
        columns={[
          { name: 'User', value: ({ user_id: id, username }) => <a href={`/admin/users/${id}`}>{username}</a> },
          { name: 'Role', value: ({ role }) => role },
          { name: 'Since', value: ({ granted_at: at }) => <ExactInstant at={at} /> },
        ]}
      />
      <Pager path="/admin/administrators" query={query} next={next} />
      {mayChange && (
        <section aria-labelledby="link">
          <h2 id="link">{say.link}</h2>
          <p>{say.linkLead}</p>
          <form class="search" method="post" action="/admin/administrators/link">
            <HiddenFields fields={{ csrf }} />
            <label for="role">{words.users.roleLabel}</label>
            <RoleSelect selected="viewer" />
            <button id="act" class="button primary" type="submit">
              {say.linkAct}
            </button>
          </form>
        </section>
      )}
    </>
  )
}

/** The roles to choose from; `withNone`: also that there is none. */
export function RoleSelect({ selected, withNone = false }: { selected: string; withNone?: boolean }) {
  return (
    <select id="role" name="role">
      {[...(withNone ? [''] : []), ...adminRoleNames.toReversed()].map((role) => (
        <option value={role} selected={role === selected}>
          {words.users.roles[role as keyof typeof words.users.roles]}
        </option>
      ))}
    </select>
  )
}
