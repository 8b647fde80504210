import { readSettings } from '../../admin/settings.ts'
import { page, setting } from './answers.ts'
import type { AddRoute } from './route.ts'

const listing = {
  operation: 'list_settings',
  summary: 'Lists the settings that hold now, under the names of their environment variables',
  answer: page(setting),
}

/** What the server is set to. */
export function settingRoutes(add: AddRoute): void {
  add('GET', '/settings', 'settings:read', listing, async (_request, _caller, tools) => ({
    body: await readSettings(tools),
  }))
}
