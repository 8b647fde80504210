// The texts of the statements that production sends, taken from the build: those that it exports, and those that its functions send to a
// database that only listens.
import { Kysely, PostgresDialect } from 'kysely'

const store = (name) => import(new URL(`../../dist/store/${name}.js`, import.meta.url).href)

/**
 * Every statement whose cost could depend on how many sessions there are.
 * @returns {Promise<Map<string, string>>} text by name
 * @throws {Error} when a function sends nothing any more: then it is not looked at either
 */
export async function hotStatements() {
  const exported = await Promise.all(
    ['refresh-statement', 'exchange-statement', 'ending-statements', 'combined-ending-statements'].map(store),
  )
  const found = new Map(
    exported
      .flatMap((module) => Object.values(module))
      .filter((value) => value?.name && value.text)
      .map(({ name, text }) => [name, text]),
  )
  for (const [module, calls] of Object.entries(listened)) {
    const functions = await store(module)
    for (const [name, lists] of Object.entries(calls))
      for (const [i, values] of lists.entries()) {
        const heard = await listen(functions[name], values)
        if (heard.length === 0) throw new Error(`${module}.${name} sends no statement: correct ${import.meta.filename}`)
        for (const statement of heard) found.set(statement.name ?? `${name} ${i + 1} (Kysely)`, statement.text)
      }
  }
  return found
}

const someone = '00000000-0000-7000-8000-000000000000'
const retention = { sessionDays: 7, auditDays: 400 }
const page = { limit: 50, after: someone }
const expiring = [
  'grants',
  'sessions',
  'authorization_codes',
  'login_transactions',
  'limits',
  'revoked_jtis',
  'feed_entries',
]

/** Functions by module, with what each is called with, once for each list. */
const listened = {
  clients: { findClient: [['app']] },
  users: { beginLoginAttempt: [[{ identifier: 'someone', limits: [] }]] },
  limits: { reserveAttempt: [[[{ key: 'k', seconds: 60, count: 5 }]]] },
  'login-transactions': {
    beginLoginTransaction: [[{ limits: [] }]],
    findLoginTransaction: [[{}]],
    findMadeSession: [[Buffer.alloc(32)]],
  },
  sessions: {
    findSession: [[{}]],
    signInSession: [[{ transaction: {}, counted: [] }], [{ transaction: {}, counted: [], sessionId: someone }]],
  },
  'session-limit': { lockSessionLimit: [[someone]] },
  'authorization-codes': { issueCode: [[{}]] },
  'client-credentials': { readClientMinting: [['app']] },
  introspection: {
    readTokenLiveness: [[{}]],
    readRefreshTokenLiveness: [[{}]],
    ownerOfRefreshToken: [[{ grantId: someone, nonceHash: Buffer.alloc(32) }]],
  },
  feed: { readFeed: [[1, 1000]] },
  explain: { readSessionFacts: [[someone]], readGrantFacts: [[someone]] },
  'session-records': { findSessionRecord: [[someone]], listSessions: [[{ ...page, userId: someone }]] },
  'grant-records': {
    findGrantRecord: [[someone]],
    listGrants: [[{ ...page, userId: someone }], [{ ...page, client: someone }]],
  },
  cleanup: {
    deleteDue: expiring.map((table) => [table, { retention, limit: 500, fromAt: null }]),
    measureBacklog: [[retention]],
    deleteOrphanConsents: [[500]],
  },
}

/** What a function sends. It gets no row, and what it makes of that is its own affair. */
async function listen(work, values) {
  const heard = []
  const query = async (text) => {
    if (isPlanned(text)) heard.push({ text })
    return { command: 'SELECT', rowCount: 0, rows: [] }
  }
  const connection = { query, release: () => {} }
  const queries = {
    kysely: new Kysely({
      dialect: new PostgresDialect({ pool: { connect: async () => connection, end: async () => {} } }),
    }),
    run: async (statement) => {
      if (isPlanned(statement.text)) heard.push(statement)
      return []
    },
    transaction: (inside) => inside(queries),
  }
  await Promise.resolve(work(queries, ...values)).catch(() => {})
  return heard
}

const isPlanned = (text) => /^\s*(with|select|insert|update|delete)\b/i.test(text)
