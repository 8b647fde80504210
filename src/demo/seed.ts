import { applyConfigFile } from '../admin/config-file.ts'
import type { AdminTools } from '../admin/tools.ts'
import type { DemoSecrets } from './secrets.ts'

/** The names under which the demo is registered. An `aud` is a name, not an address: it stays when the port changes. */
export const names = {
  client: 'demo',
  apiClient: 'demo-api',
  api: 'https://notes.demo.example',
  scope: 'notes:read',
} as const

/** The addresses of the demo app; the first two are registered. */
export const addresses = (url: string) => ({
  callback: `${url}/callback`,
  signedOut: `${url}/signed-out`,
  notes: `${url}/api/notes`,
})

/**
 * Registers the demo the way an operator registers an application: by a configuration file. A second start changes nothing; another port or
 * a lost `demo.json` changes what has to be changed.
 */
export async function seedDemo(url: string, secrets: DemoSecrets, tools: AdminTools): Promise<void> {
  const { callback, signedOut } = addresses(url)
  const file = {
    resources: [{ identifier: names.api, name: 'Notes of the demo', scopes: [names.scope] }],
    clients: [
      {
        client_id: names.client,
        client_name: 'Fieldnotes (demo)',
        client_uri: url,
        client_secret: secrets.clientSecret,
        redirect_uris: [callback],
        post_logout_redirect_uris: [signedOut],
        grant_types: ['authorization_code', 'refresh_token'],
        scope: `openid profile email offline_access ${names.scope}`,
        allowed_resources: [names.api],
      },
      {
        client_id: names.apiClient,
        client_name: 'Notes API of the demo',
        client_secret: secrets.apiSecret,
        grant_types: ['client_credentials'],
        resource_server_for: [names.api],
      },
    ],
    users: [
      {
        username: secrets.username,
        password: secrets.password,
        email: secrets.username,
        email_verified: true,
        name: 'Dana Demo',
        given_name: 'Dana',
        family_name: 'Demo',
      },
    ],
  }
  await applyConfigFile(tools, JSON.stringify(file), {
    production: false,
    env: {},
    readFile: () => Promise.reject(new Error('the demo names no files')),
  })
}
