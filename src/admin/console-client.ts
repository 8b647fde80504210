import type { Actor } from '../domain/ending.ts'
import { findClientRecord } from '../store/client-records.ts'
import { lockConfiguration } from '../store/configuration-lock.ts'
import { changeClientIn, registerClientIn } from './clients.ts'
import type { AdminTools } from './tools.ts'

/** The client in whose name people sign in to the console. Disabling it closes the console to whoever is not signed in. */
export const consoleClientId = 'falconer-console'

const system: Actor = { id: 'system' }

/** Registers it when somebody first signs in to the console, and again when the issuer is another one. It gets no token: its code is not redeemed. */
export async function ensureConsoleClient(redirectUri: string, tools: AdminTools): Promise<void> {
  const known = await findClientRecord(tools.db, consoleClientId)
  if (known?.metadata.redirect_uris.includes(redirectUri) === true) return
  const redirects = { redirect_uris: [redirectUri] }
  await tools.db.transaction(async (tx) => {
    await lockConfiguration(tx)
    if (await findClientRecord(tx, consoleClientId)) {
      await changeClientIn(tx, consoleClientId, redirects, system, tools)
      return
    }
    const metadata = {
      client_id: consoleClientId,
      client_name: 'Falconer administration',
      token_endpoint_auth_method: 'none',
      grant_types: ['authorization_code'],
      scope: 'openid',
      skip_consent: true,
    }
    await registerClientIn(tx, { ...metadata, ...redirects }, system)
  })
  tools.forget()
}
