import { rotateSecret } from '../../admin/client-secrets.ts'
import { changeClient, readClient, readClients } from '../../admin/clients.ts'
import { requirePowerOverClient } from '../admin/access.ts'
import { Ask } from '../views/console/ask.tsx'
import { ClientBody, ClientList } from '../views/console/clients.tsx'
import { Once } from '../views/console/once.tsx'
import { words } from '../views/console/words.ts'
import { asked } from './list.ts'
import type { Pages } from './page.tsx'
import type { ConsoleTools } from './visitor.ts'

const say = words.clients
const pathOf = (id: string) => `/admin/clients/${encodeURIComponent(id)}`

/** Clients: what they were registered with; switched off and on, and given another secret. */
export function clientPages(pages: Pages, tools: ConsoleTools): void {
  pages.get('/clients', 'clients:read', async ({ query: given, visitor: { now } }) => {
    const { page, query } = asked(given, [])
    const { items, next_cursor: next } = await readClients(page, tools)
    const body = <ClientList clients={items} query={query} next={next} now={now} />
    return { section: 'clients', title: words.sections.clients, body }
  })

  pages.get('/clients/:id', 'clients:read', async ({ params: { id = '' }, visitor }) => {
    const client = await readClient(id, tools)
    const may = { end: visitor.may('sessions:revoke'), change: visitor.may('clients:write') }
    return { section: 'clients', title: client.client_id, body: <ClientBody client={client} may={may} /> }
  })

  for (const act of ['disable', 'enable', 'secret'] as const) {
    pages.question(`/clients/:id/${act}`, 'clients:write', async ({ params: { id = '' }, csrf }) => {
      await readClient(id, tools)
      const form = { action: `${pathOf(id)}/${act}`, csrf, act: say[`${act}Act`], back: pathOf(id) }
      return {
        section: 'clients',
        title: say[`${act}Title`](id),
        body: <Ask {...form} lead={say[`${act}Lead`]} isDangerous={act === 'disable'} />,
      }
    })
  }

  for (const [act, disabled] of [
    ['disable', true],
    ['enable', false],
  ] as const) {
    pages.post(`/clients/:id/${act}`, 'clients:write', async ({ params: { id = '' }, visitor }) => {
      await requirePowerOverClient(id, visitor, tools)
      await changeClient(id, { disabled }, visitor.actor, tools)
      tools.forget()
      return { goTo: pathOf(id) }
    })
  }

  pages.post('/clients/:id/secret', 'clients:write', async ({ params: { id = '' }, visitor }) => {
    await requirePowerOverClient(id, visitor, tools)
    const made = await rotateSecret(id, {}, visitor.actor, tools)
    const until = String(made['previous_secrets_expire_at'])
    const back = [say.back, pathOf(id)] as const
    const body = <Once lead={say.secretOnce} until={until} secret={String(made['client_secret'])} back={back} />
    return { section: 'clients', title: say.secretMade, body }
  })
}
