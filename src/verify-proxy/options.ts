import { readFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import type { StalePolicy } from '@falconer/verifier'
import { type Invocation, UsageError } from '../cli/command.ts'

/** What the tokens of a route have to have, and what happens while it is not known which were revoked. */
export interface Route {
  readonly scope: string
  readonly onStale: StalePolicy
}

export interface ProxyOptions {
  readonly issuer: string
  readonly audience: readonly string[]
  readonly clientId: string
  readonly clientSecret: string
  readonly host: string
  readonly port: number
  readonly maxStalenessSeconds: number
  /** By the first segment after /verify; '' is /verify itself. */
  readonly routes: ReadonlyMap<string, Route>
}

export const help = `Usage: falconer verify-proxy --issuer URL --audience URI --client-id ID [options]

Answers whether a request may go on, by its Authorization header: 200, 401, 403, or 503 while it is not known which tokens were
revoked. It checks tokens by itself and reads the revocation feed, so it asks nobody about a request. For nginx (auth_request),
Envoy (ext_authz over HTTP) and whatever can ask a local port. The access token stands in the Authorization header.

  --issuer URL             the server, as in iss
  --audience URI           of the service; may be repeated
  --client-id ID           a client with resource_server_for that audience, or with the scope revocations:read
  --client-secret-file F   its secret; or FALCONER_CLIENT_SECRET in the environment, never on the command line
  --scope "A B"            scopes that every token must have
  --route NAME=SCOPES      the same for requests to /verify/NAME; may be repeated. With ;on-stale=POLICY behind it the route has
                           a policy of its own: --route "reports=reports:read;on-stale=grace:60"
  --on-stale POLICY        strict (503; default), introspect (ask the server), grace:SECONDS, open
  --max-staleness S        no token is accepted on older news than this (default 5; the server may ask for less)
  --host H                 address to listen on (default 127.0.0.1)
  --port P                 port to listen on (default 9100)

  FALCONER_ISSUER, FALCONER_AUDIENCE, FALCONER_CLIENT_ID and FALCONER_CLIENT_SECRET stand for the options that are not given.

Paths: /verify and /verify/NAME with anything behind it, whatever the method; /livez, /readyz (200 when its news are fresh), /metrics.
With 200 come X-Falconer-Subject, X-Falconer-Client, X-Falconer-Scope and X-Falconer-Claims (base64url of their JSON).

nginx:
  location /orders/ { auth_request /_verify; proxy_pass http://127.0.0.1:8080; }
  location = /_verify {
    internal;
    proxy_pass http://127.0.0.1:9100/verify/orders;
    proxy_pass_request_body off;
    proxy_set_header Content-Length "";
  }
`

const definition = {
  issuer: { type: 'string' },
  audience: { type: 'string', multiple: true },
  'client-id': { type: 'string' },
  'client-secret-file': { type: 'string' },
  scope: { type: 'string' },
  route: { type: 'string', multiple: true },
  'on-stale': { type: 'string' },
  'max-staleness': { type: 'string' },
  host: { type: 'string' },
  port: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

/** Undefined: it was only asked for help. @throws {UsageError} that says what to do */
export function parseProxyOptions({ args, env }: Invocation): ProxyOptions | undefined {
  const given = parse(args)
  if (given.help) return undefined
  const required = (name: 'issuer' | 'client-id', variable: string): string => {
    const value = given[name] ?? env[variable]
    if (!value) throw wrong(`--${name} is missing`)
    return value
  }
  const issuer = required('issuer', 'FALCONER_ISSUER')
  const audience = given.audience ?? env['FALCONER_AUDIENCE']?.split(',') ?? []
  if (audience.length === 0) throw wrong('--audience is missing')
  const base: Route = { scope: given.scope ?? '', onStale: policyOf(given['on-stale'] ?? 'strict') }
  return {
    issuer,
    audience,
    clientId: required('client-id', 'FALCONER_CLIENT_ID'),
    clientSecret: secretOf(given['client-secret-file'], env),
    host: given.host ?? '127.0.0.1',
    port: numberOf('port', given.port ?? '9100', 0, 65_535),
    maxStalenessSeconds: numberOf('max-staleness', given['max-staleness'] ?? '5', 1, 3600),
    routes: new Map([['', base], ...(given.route ?? []).map((text) => routeOf(text, base))]),
  }
}

const wrong = (message: string) => new UsageError(`${message}; falconer verify-proxy --help explains the options`)

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: definition }).values
  } catch (error) {
    throw wrong(error instanceof Error ? (error.message.split('. ')[0] ?? '') : String(error))
  }
}

function secretOf(file: string | undefined, env: Invocation['env']): string {
  const secret = file === undefined ? env['FALCONER_CLIENT_SECRET'] : readSecret(file)
  if (!secret) throw wrong('--client-secret-file or FALCONER_CLIENT_SECRET is missing')
  return secret
}

function readSecret(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim()
  } catch (error) {
    throw wrong(`--client-secret-file cannot be read (${(error as NodeJS.ErrnoException).code})`)
  }
}

function numberOf(name: string, text: string, least: number, most: number): number {
  const number = /^\d+$/.test(text) ? Number(text) : Number.NaN
  if (number >= least && number <= most) return number
  throw wrong(`--${name} must be a whole number from ${least} to ${most}`)
}

function policyOf(text: string): StalePolicy {
  if (text === 'strict' || text === 'introspect' || text === 'open') return text
  const seconds = /^grace:(\d{1,6})$/.exec(text)?.[1]
  if (seconds === undefined) throw wrong('--on-stale must be strict, introspect, grace:SECONDS or open')
  return { grace: Number(seconds) }
}

/** `NAME=SCOPES` or `NAME=SCOPES;on-stale=POLICY`. The scopes of all routes are wanted as well. */
function routeOf(text: string, base: Route): [string, Route] {
  const [, name, scopes = '', policy] = /^([\w-]{1,64})=([^;]*)(?:;on-stale=([^;]+))?$/.exec(text) ?? []
  if (name === undefined)
    throw wrong(`--route ${JSON.stringify(text)} is not NAME=SCOPES or NAME=SCOPES;on-stale=POLICY`)
  const scope = [base.scope, scopes].filter(Boolean).join(' ')
  return [name, { scope, onStale: policy === undefined ? base.onStale : policyOf(policy) }]
}
