// Where oidc-provider keeps everything: one table of JSON documents, as its community adapters for SQL databases do it.

export const schema = `
create table payloads (
  id          text not null,
  type        text not null,
  payload     jsonb not null,
  grant_id    text,
  uid         text,
  expires_at  timestamptz,
  consumed_at timestamptz,
  primary key (id, type)
);
create index payloads_grant on payloads (grant_id) where grant_id is not null;
create index payloads_uid on payloads (uid) where uid is not null;
create table users (id uuid primary key, username text not null unique, name text not null, password_hash text)`

const statements = {
  upsert: `insert into payloads (id, type, payload, grant_id, uid, expires_at) values ($1, $2, $3, $4, $5, now() + make_interval(secs => $6))
    on conflict (id, type) do update set payload = excluded.payload, grant_id = excluded.grant_id, uid = excluded.uid, expires_at = excluded.expires_at`,
  find: 'select payload, consumed_at from payloads where id = $1 and type = $2',
  find_by_uid: 'select payload, consumed_at from payloads where uid = $1 and type = $2',
  consume: 'update payloads set consumed_at = now() where id = $1 and type = $2',
  destroy: 'delete from payloads where id = $1 and type = $2',
  revoke_by_grant: 'delete from payloads where grant_id = $1 and type = $2',
  user: 'select id, name, password_hash from users where username = $1',
  user_by_id: 'select name from users where id = $1',
}

/** Runs a statement by name: prepared once on each connection, or as text every time. */
export function createQuery(pool, isPrepared) {
  return async (name, values) => {
    const text = statements[name]
    return (await pool.query(isPrepared ? { name, text, values } : { text, values })).rows
  }
}

/** The adapter class that oidc-provider makes one of for each of its models. */
export function createAdapter(query) {
  const payloadOf = ([row]) => row && { ...row.payload, ...(row.consumed_at ? { consumed: true } : {}) }
  return class PostgresAdapter {
    constructor(type) {
      this.type = type
    }

    async upsert(id, payload, expiresIn) {
      const values = [id, this.type, payload, payload.grantId ?? null, payload.uid ?? null, expiresIn ?? null]
      await query('upsert', values)
    }

    async find(id) {
      return payloadOf(await query('find', [id, this.type]))
    }

    async findByUid(uid) {
      return payloadOf(await query('find_by_uid', [uid, this.type]))
    }

    async consume(id) {
      await query('consume', [id, this.type])
    }

    async destroy(id) {
      await query('destroy', [id, this.type])
    }

    async revokeByGrantId(grantId) {
      await query('revoke_by_grant', [grantId, this.type])
    }
  }
}
