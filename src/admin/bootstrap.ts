import { adminScopes } from '../domain/admin-scopes.ts'
import type { Actor } from '../domain/ending.ts'
import { findClientRecord } from '../store/client-records.ts'
import { lockConfiguration } from '../store/configuration-lock.ts'
import { ensureSecretIn } from './client-secrets.ts'
import { changeClientIn, registerClientIn } from './clients.ts'
import type { AdminTools } from './tools.ts'

const system: Actor = { id: 'system' }

/**
 * Makes, or brings up to date, the confidential client of the operator: it has every admin scope, and may ask about every token. A second run changes nothing; a client that
 * was disabled stays so; a secret that was replaced in the environment ends the one before it at once.
 */
export async function bootstrapAdminClient(
  tools: AdminTools,
  { id, secret }: { id: string; secret: string },
): Promise<void> {
  const metadata = {
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: ['client_credentials'],
    scope: [...adminScopes, 'introspect:any'].join(' '),
    skip_consent: true,
  }
  await tools.db.transaction(async (tx) => {
    await lockConfiguration(tx)
    if (!(await findClientRecord(tx, id))) {
      const named = { client_id: id, client_secret: secret, client_name: 'Administration', ...metadata }
      await registerClientIn(tx, named, system)
      return
    }
    await changeClientIn(tx, id, metadata, system, tools)
    await ensureSecretIn(tx, id, { secret, overlapSeconds: 0 }, system)
  })
}
