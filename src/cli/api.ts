import type { AdminScope } from '../domain/admin-scopes.ts'
import type { Document } from '../domain/field.ts'
import { Failure } from './command.ts'
import type { Credentials } from './credentials.ts'
import { type Answer, request } from './http.ts'
import { Refused } from './refusal.ts'
import { createTokenSource } from './token-source.ts'

type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
export type Query = Readonly<Record<string, string | undefined>>

export interface CallOptions {
  readonly body?: Document
  readonly ifMatch?: string
  /** How long the server may wait for the verifiers. */
  readonly waitSeconds?: number | undefined
}

/** What a call needs: one scope, or all of several. */
export type Needed = AdminScope | readonly AdminScope[]

/** The admin API, asked as one client. Every call names what it needs; a token has no other scope. */
export interface Api {
  readonly url: string
  readonly clientId: string
  /** @throws {Refused} */
  call(method: Method, path: string, scope: Needed, options?: CallOptions): Promise<Document>
  get(path: string, scope: Needed, query?: Query): Promise<Document>
  /** With the version for `ifMatch`. */
  getVersioned(path: string, scope: AdminScope): Promise<{ document: Document; etag: string }>
  /** The pages of a list, each read when the one before was used; at most `limit` items in all. */
  pages(path: string, scope: AdminScope, query: Query, limit?: number): AsyncGenerator<readonly Document[]>
  /** What introspection says of a token; undefined when this client may not see all of them. */
  introspect(token: string): Promise<Document | undefined>
}

const mostOnPage = 200

export function createApi(
  credentials: Credentials,
  { signal, allowed }: { signal: AbortSignal; allowed: readonly AdminScope[] },
): Api {
  const tokens = createTokenSource(credentials, signal)

  async function send(method: Method, path: string, needed: Needed, options: CallOptions): Promise<Answer> {
    const scopes: string[] = [needed].flat()
    const forbidden = [needed].flat().find((scope) => !allowed.includes(scope))
    if (forbidden) throw new Error(`the table does not allow ${forbidden} to this command`)
    const { body, ifMatch, waitSeconds } = options
    for (let isFirst = true; ; isFirst = false) {
      const scope = scopes.join(' ')
      const token = await tokens.get(scope)
      const headers = {
        authorization: `Bearer ${token}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(ifMatch === undefined ? {} : { 'if-match': ifMatch }),
        ...(waitSeconds === undefined ? {} : { prefer: `wait=${waitSeconds}` }),
      }
      const init = { method, headers, ...(body === undefined ? {} : { body: JSON.stringify(body) }) }
      const patience = { signal, ...(waitSeconds === undefined ? {} : { waitSeconds }) }
      const answer = await request(`${credentials.adminUrl}/admin/v1${path}`, init, patience)
      // A long list outlives its token, and "end everything" ends ours too.
      if (answer.status === 401 && isFirst) tokens.forget(scope)
      else if (!(await mayAlso(furtherScope(answer), scopes))) return answer
    }
  }

  /** Who gives a scope on has to have it: the server names what is missing, and it is asked for where this client may. */
  async function mayAlso(further: string | undefined, scopes: string[]): Promise<boolean> {
    if (further === undefined || scopes.includes(further)) return false
    scopes.push(further)
    return (await tokens.getIfAllowed(scopes.join(' '))) !== undefined
  }

  async function call(method: Method, path: string, scope: Needed, options: CallOptions = {}): Promise<Answer> {
    const answer = await send(method, path, scope, options)
    if (answer.status >= 400)
      throw new Refused(answer, { scope: [scope].flat().join(' '), clientId: credentials.clientId })
    if (answer.status !== 204 && (typeof answer.body !== 'object' || answer.body === null))
      throw new Failure(`${credentials.adminUrl} is not a Falconer server: /admin/v1 does not answer in JSON.`)
    return answer
  }

  const get: Api['get'] = async (path, scope, query = {}) =>
    (await call('GET', path + queryOf(query), scope)).body as Document

  return {
    url: credentials.url,
    clientId: credentials.clientId,
    call: async (method, path, scope, options) => ((await call(method, path, scope, options)).body ?? {}) as Document,
    get,
    getVersioned: async (path, scope) => {
      const { body, headers } = await call('GET', path, scope)
      return { document: body as Document, etag: headers.get('etag') ?? '*' }
    },
    async *pages(path, scope, query, limit = Number.MAX_SAFE_INTEGER) {
      let cursor: string | undefined
      for (let left = limit; left > 0; ) {
        const page = await get(path, scope, { ...query, limit: String(Math.min(left, mostOnPage)), cursor })
        const items = page['items'] as readonly Document[]
        left -= items.length
        if (items.length > 0) yield items
        if (typeof page['next_cursor'] !== 'string') return
        cursor = page['next_cursor']
      }
    },
    introspect: async (token) => {
      const bearer = await tokens.getIfAllowed('introspect:any')
      if (bearer === undefined) return undefined
      const headers = { authorization: `Bearer ${bearer}` }
      const init = { method: 'POST', headers, body: new URLSearchParams({ token }) }
      const { status, body } = await request(`${credentials.url}/introspect`, init, { signal })
      if (status !== 200) throw new Failure(`${credentials.url} does not introspect now (status ${status}).`)
      return body as Document
    },
  }
}

/** The scope that a refused request lacked (RFC 6750 §3). */
const furtherScope = ({ status, headers }: Answer): string | undefined =>
  status === 403 ? / scope="([^"]+)"/.exec(headers.get('www-authenticate') ?? '')?.[1] : undefined

function queryOf(query: Query): string {
  const given = Object.entries(query).filter((entry): entry is [string, string] => entry[1] !== undefined)
  return given.length === 0 ? '' : `?${new URLSearchParams(given)}`
}
