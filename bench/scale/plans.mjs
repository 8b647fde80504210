// How PostgreSQL would run every statement whatever its parameters are, and that none of them reads a table from end to end.

/**
 * The generic plans of the statements in one database.
 * @param {Map<string, string>} statements text by name
 * @returns {Promise<{ name: string, reads: string[], wholes: string[] }[]>} `reads` are index scans, `wholes` what reads all of something
 *   that is longer than a page
 */
export async function readPlans(pool, statements) {
  const { rows } = await pool.query(`
    select c.relname as name from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and c.relpages > 1`)
  const long = new Set(rows.map(({ name }) => name))
  const plans = []
  for (const [name, text] of statements) {
    const nodes = flatten(await genericPlan(pool, text))
    plans.push({
      name,
      reads: [...new Set(nodes.flatMap((node) => node['Index Name'] ?? []))].toSorted(inOrder),
      wholes: nodes
        .filter((node) => readsAll(node, long))
        .map((node) => `${node['Node Type']} on ${node['Relation Name'] ?? node['Index Name']}`),
    })
  }
  return plans
}

/** As a server gets it that prepares the statement; `explain (generic_plan)` would need PostgreSQL 16. */
async function genericPlan(pool, text) {
  const client = await pool.connect()
  try {
    await client.query('set plan_cache_mode = force_generic_plan')
    await client.query(`prepare planned as ${text}`)
    const count = Math.max(0, ...Array.from(text.matchAll(/\$(\d+)/g), ([, number]) => Number(number)))
    const values = count === 0 ? '' : `(${Array(count).fill('null').join(', ')})`
    const { rows } = await client.query(`explain (format json) execute planned${values}`)
    return rows[0]['QUERY PLAN'][0].Plan
  } finally {
    await client.query('deallocate all; reset plan_cache_mode')
    client.release()
  }
}

/** An index without a condition is a table in another order, unless somebody above stops after some rows. */
function readsAll(node, long) {
  if (node['Node Type'] === 'Seq Scan') return long.has(node['Relation Name'])
  const isIndexScan = /^(Bitmap )?Index (Only )?Scan/.test(node['Node Type'])
  const isLong = node['Relation Name'] === undefined || long.has(node['Relation Name'])
  return isIndexScan && isLong && node['Index Cond'] === undefined && !node.isLimited
}

function flatten(node, isLimited = false) {
  const stops = isLimited || node['Node Type'] === 'Limit'
  const below = (node.Plans ?? []).flatMap((child) => flatten(child, stops && !sorts(child)))
  return [{ ...node, isLimited }, ...below]
}

/** A sort reads everything before it gives its first row. */
const sorts = (node) => node['Node Type'] === 'Sort' || node['Node Type'] === 'Aggregate'

const inOrder = (a, b) => (a < b ? -1 : 1)
