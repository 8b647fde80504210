// What a server asks of its database: statements, transactions, fsyncs of the log and bytes of it.
import { Client } from 'pg'

/**
 * Reads the counters of one database (statements, commits) and of its cluster (fsyncs, WAL bytes, transactions that wrote).
 * A backend passes its own counts on within a second of work, or when it ends: read `after` only when the server under test has stopped.
 */
export const readCounters = (url) =>
  withClient(url, async (client) => {
    const { rows } = await client.query(`
      select (select sum(calls) from pg_stat_statements s where s.dbid = d.datid and s.toplevel)::float8 as statements,
             d.xact_commit::float8 as commits,
             (${(await isOlder(client)) ? 'select wal_sync from pg_stat_wal' : `select sum(fsyncs) from pg_stat_io where object = 'wal'`})::float8 as fsyncs,
             (pg_current_wal_insert_lsn() - '0/0'::pg_lsn)::float8 as "walBytes",
             pg_snapshot_xmax(pg_current_snapshot())::text::float8 as "writes"
      from pg_stat_database d where d.datname = current_database()`)
    return rows[0]
  })

/** Until PostgreSQL 18 the fsyncs of the log were counted elsewhere. */
const isOlder = async (client) => {
  const { rows } = await client.query(`select current_setting('server_version_num')::int < 180000 as is_it`)
  return rows[0].is_it
}

/** Brings the statistics of all tables up to date. */
export const analyze = (url) => withClient(url, (client) => client.query('set statement_timeout = 0; analyze'))

async function withClient(url, work) {
  const client = new Client({ connectionString: url })
  await client.connect()
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Each counter's growth, for one of `count` requests. */
export function perRequest(before, after, count) {
  return Object.fromEntries(Object.keys(before).map((name) => [name, (after[name] - before[name]) / count]))
}
