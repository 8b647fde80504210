import { readKeys, rotateSigningKeys } from '../../admin/keys.ts'
import { Ask } from '../views/console/ask.tsx'
import { KeyList } from '../views/console/keys.tsx'
import { words } from '../views/console/words.ts'
import type { Pages } from './page.tsx'
import type { ConsoleTools } from './visitor.ts'

const say = words.keys

/** Signing keys: which one signs, and a way to have another one. */
export function keyPages(pages: Pages, tools: ConsoleTools): void {
  pages.get('/keys', 'keys:read', async ({ visitor }) => {
    const { items } = await readKeys(tools)
    const body = <KeyList keys={items} mayChange={visitor.may('keys:write')} />
    return { section: 'keys', title: say.list, body }
  })

  pages.question('/keys/rotate', 'keys:write', async ({ csrf }) => ({
    section: 'keys',
    title: say.rotateTitle,
    body: <Ask lead={say.rotateLead} action="/admin/keys/rotate" csrf={csrf} act={say.rotateAct} back="/admin/keys" />,
  }))

  pages.post('/keys/rotate', 'keys:write', async ({ visitor }) => {
    await rotateSigningKeys(visitor.actor, tools)
    return { goTo: '/admin/keys' }
  })
}
