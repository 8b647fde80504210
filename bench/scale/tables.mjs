// What tables and indexes weigh, and what the load has done to them.

/** For each table: rows, bytes, those of its indexes, and since the seeding updates, those of them that were HOT, and sequential scans. */
export async function readTables(pool, names) {
  const { rows } = await pool.query(
    `select t.relname as name, c.reltuples::float8 as rows, pg_table_size(t.relid)::float8 as bytes,
            pg_indexes_size(t.relid)::float8 as "indexBytes", t.n_tup_upd::float8 as updates, t.n_tup_hot_upd::float8 as "hotUpdates",
            t.seq_scan::float8 as "sequentialScans"
     from pg_stat_user_tables t join pg_class c on c.oid = t.relid
     where t.relname = any($1::text[]) order by array_position($1::text[], t.relname::text)`,
    [names],
  )
  return rows
}
