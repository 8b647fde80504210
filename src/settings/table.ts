import { checkDatabaseUrl, checkIssuer, checkMasterKeys, checkOutbound, checkProxy } from './checks.ts'
import { lifetimes } from './lifetimes.ts'
import { defaultRateLimits, type RateLimits, readRateLimits } from './rate-limits.ts'
import { choice, flag, integer, list, secret, setting, text, url } from './setting.ts'

const day = 86_400
const year = 365 * day

const server = {
  ISSUER: url('Public base URL: `iss` in every token and the start of every URL that Falconer gives out', {
    accepts: 'an https origin such as https://login.example.com (http only on localhost, 127.0.0.1 or [::1])',
    check: checkIssuer,
    defaultIs: 'http://localhost: and PORT',
    example: 'https://login.example.com',
  }),
  HOST: text('Address to listen on; 0.0.0.0 in a container', {
    accepts: 'an address or a host name',
    pattern: /^[\w.:-]+$/,
    default: '127.0.0.1',
  }),
  PORT: integer('Port to listen on', { max: 65_535, default: 3000 }),
  ADMIN_PORT: integer('Port of its own for /admin/v1 and /metrics, which then are nowhere else', {
    max: 65_535,
    default: undefined,
    defaultIs: 'PORT',
    example: '3001',
  }),
  CONSOLE: flag('The pages at /admin by which people administer', {
    defaultIs: 'true without ADMIN_PORT',
    example: 'true',
  }),
  WORKERS: integer('Processes that serve on PORT, each an instance of its own; one for each core that it may use', {
    max: 128,
    default: 1,
  }),
  TRUST_PROXY: list('Proxies whose forwarding headers give the address of a browser (never the host or the scheme)', {
    accepts: 'false, or addresses and CIDR ranges between commas',
    none: 'false',
    check: checkProxy,
    example: '10.0.0.5,10.1.0.0/16',
  }),
  NODE_ENV: choice(
    '`production` refuses everything that is only fit for development',
    ['production', 'development', 'test'],
    {
      default: 'development',
    },
  ),
  LOG_LEVEL: choice('Least important level to log', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], {
    default: 'info',
  }),
}

const data = {
  DATABASE_URL: secret('PostgreSQL 15 or later; through a pooler is fine. Required in production', {
    accepts: 'a postgresql:// URL',
    check: checkDatabaseUrl,
    defaultIs: 'PostgreSQL embedded in DATA_DIR',
    example: 'postgresql://falconer@db.example.com/falconer',
  }),
  DATABASE_DIRECT_URL: secret('The same database past a transaction pooler, for LISTEN, locks and migrations', {
    accepts: 'a postgresql:// URL',
    check: checkDatabaseUrl,
    defaultIs: 'DATABASE_URL',
    example: 'postgresql://falconer@db.example.com:5433/falconer',
  }),
  DATABASE_POOL_SIZE: integer('Connections that one instance keeps at most; each of the WORKERS is one', {
    max: 500,
    default: 10,
  }),
  DATABASE_PREPARED_STATEMENTS: choice(
    'Named prepared statements; `auto` is off when DATABASE_DIRECT_URL is set, because older poolers lose them',
    ['auto', 'on', 'off'],
    { default: 'auto' },
  ),
  DATA_DIR: text('Folder of the embedded database and of generated development secrets', {
    accepts: 'a path',
    default: './.data',
  }),
}

const secrets = {
  MASTER_KEYS: secret(
    'Keys that encrypt and derive: the first one for all that is new, the others to read what is old',
    {
      accepts: 'base64url keys of 32 bytes each, between commas',
      check: checkMasterKeys,
      defaultIs: 'generated in DATA_DIR with the embedded database, otherwise required',
    },
  ),
  BOOTSTRAP_ADMIN_CLIENT_ID: text('Confidential client that is made or updated at start, with every admin scope', {
    accepts: 'up to 255 printable ASCII characters without spaces',
    pattern: /^[\x21-\x7e]{1,255}$/,
    default: undefined,
  }),
  BOOTSTRAP_ADMIN_CLIENT_SECRET: secret('Its secret; goes together with BOOTSTRAP_ADMIN_CLIENT_ID', {
    accepts: 'at least 32 characters',
    check: (given) => (given.length >= 32 ? undefined : 'must have at least 32 characters'),
  }),
}

const contents = {
  CONFIG_FILE: text('YAML or JSON file of clients, resources, users and settings, applied at every start', {
    accepts: 'a path',
    default: undefined,
    example: './falconer.yaml',
  }),
  DEMO: flag('Demo app, user and client; refused in production', {
    defaultIs: 'true with the embedded database, otherwise false',
  }),
  DEMO_PORT: integer('Port of the demo app', { max: 65_535, default: 4000 }),
}

const keys = {
  KEY_PUBLISH_LEAD_SECONDS: integer('A new signing key is in the JWKS this long before it signs', {
    max: 30 * day,
    unit: 'seconds',
    default: day,
  }),
  KEY_ROTATION_SECONDS: integer('A signing key is replaced this long after it began to sign', {
    max: year,
    unit: 'seconds',
    default: 90 * day,
  }),
}

const feed = {
  FEED_MAX_STALENESS_SECONDS: integer(
    'No verifier accepts a token on older news of revocations than this, whatever fails',
    { max: 60, unit: 'seconds', default: 5 },
  ),
  FEED_MAX_CONNECTIONS: integer(
    'Streams of revocations that one client may have open at one instance; each of the WORKERS is one',
    {
      max: 100_000,
      default: 1000,
    },
  ),
}

const protection = {
  ARGON2_MEMORY_KIB: integer('Memory of one password hash', { min: 8, max: 4_194_304, unit: 'KiB', default: 19_456 }),
  ARGON2_TIME: integer('Passes of one password hash', { max: 100, default: 2 }),
  ARGON2_PARALLELISM: integer('Lanes of one password hash', { max: 64, default: 1 }),
  UV_THREADPOOL_SIZE: integer(
    'Threads of each process, of which all but one hash passwords. Node itself reads it, from the environment and not from .env',
    { max: 1024, default: 4 },
  ),
  RATE_LIMITS: setting<RateLimits, RateLimits>(
    `Limits as name=count/seconds between commas, each replacing its default: ${describeRateLimits()}. ` +
      '`off` switches them all off and is refused in production',
    { accepts: 'default, off, or a list of name=count/seconds', read: readRateLimits },
    { default: defaultRateLimits, defaultIs: 'the limits above', example: 'login_account=5/900,client_auth=10/600' },
  ),
}

const kept = {
  AUDIT_RETENTION_DAYS: integer('Audit events are kept this long, and then to the end of their month', {
    max: 3650,
    unit: 'days',
    default: 400,
  }),
  SESSION_RETENTION_DAYS: integer(
    'Sessions and grants are kept this long after they ran out, to see why somebody is out',
    { min: 0, max: 365, unit: 'days', default: 7 },
  ),
  CLEANUP_INTERVAL_SECONDS: integer('Pause of an instance between two rounds of deleting what is no longer kept', {
    max: 3600,
    unit: 'seconds',
    default: 60,
  }),
}

const outbound = {
  OUTBOUND_ALLOW: list(
    'Exceptions for requests that Falconer itself sends: private addresses are refused, and so is http',
    {
      accepts: 'none, or host:port and CIDR ranges between commas',
      none: 'none',
      check: checkOutbound,
      example: 'hooks.internal.example:8443,10.2.0.0/16',
    },
  ),
}

/** The table under its headings: what `.env.example` shows, in its order. */
export const settingGroups = {
  Server: server,
  'Database and data': data,
  'Keys and the first admin client': secrets,
  'Clients, users and the demo': contents,
  Lifetimes: lifetimes,
  'Signing keys': keys,
  'Revocation feed': feed,
  'Passwords and limits': protection,
  'Requests of its own': outbound,
  'What is kept': kept,
}

/** THE TABLE of settings: types, validation, the message about bad ones and `.env.example` all come from it. */
export const settings = {
  ...server,
  ...data,
  ...secrets,
  ...contents,
  ...lifetimes,
  ...keys,
  ...feed,
  ...protection,
  ...outbound,
  ...kept,
}

function describeRateLimits(): string {
  return Object.entries(defaultRateLimits)
    .map(([name, { count, seconds }]) => `${name}=${count}/${seconds}`)
    .join(', ')
}
