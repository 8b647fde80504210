import { compiled, nowMs, onStage, say, thousands } from './stage.mjs'

const chunk = 100_000

/** Everything of one client at once, which has that many live grants. */
export function measureMass(built, { grants }) {
  return onStage(built, 1, async (stage) => {
    const { withClient } = await compiled(built, 'test/histories/oracle.js')
    const { doomedClient } = await compiled(built, 'test/histories/clients.js')
    await withClient(stage.postgres.url, async (client) => {
      await client.query('set statement_timeout = 0')
      for (let made = 0; made < grants; made += chunk) {
        await client.query(
          `insert into grants (id, client, user_id, session_id, offline, scope, rt_nonce_hash, rt_gen, idle_s, expires_at, created_at, created_pos, auth_time, acr, amr)
           select new_id(), (select id from clients where client_id = $1), gen_random_uuid(), gen_random_uuid(), true, 'openid offline_access',
                  sha256(i::text::bytea), 3, 2592000, now() + interval '30 days', now(), 0, now(), 'urn:falconer:acr:1fa', '{pwd}'
           from generate_series(1, $2::int) i`,
          [doomedClient.id, Math.min(chunk, grants - made)],
        )
        say(`${thousands(Math.min(grants, made + chunk))} grants`)
      }
      await client.query('analyze grants')
    })
    const count = (sql) => withClient(stage.postgres.url, async (client) => Number((await client.query(sql)).rows[0].n))
    const entries = () => count('select count(*) as n from feed_entries')
    // A first one opens connections and prepares statements.
    await stage.admin.call(stage.urls[0], 'POST', '/revocations', { client_id: 'stranger' })
    const before = await entries()
    const beganMs = nowMs()
    const { status, body } = await stage.admin.call(stage.urls[0], 'POST', '/revocations', {
      client_id: doomedClient.id,
    })
    const ms = nowMs() - beganMs
    const added = (await entries()) - before
    const alive = await count(
      `select count(*) as n from grants g join clients c on c.id = g.client where c.client_id = '${doomedClient.id}' and g.created_pos >= c.ended_pos and g.revoked_at is null`,
    )
    console.log(`
One call ends everything of a client with ${thousands(grants)} live grants
  POST /revocations    ${status} after ${ms.toFixed(1)} ms, position ${body.position}
  feed entries         ${added}
  grants still alive   ${thousands(alive)}`)
    return status === 200 && added === 1 && alive === 0
  })
}
