import { checkDatabaseUrl, checkIssuer, checkMasterKeys, checkProxy } from './checks.ts'
import { complianceProfiles } from './compliance.ts'
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
  ADMIN_PORT: integer('Port of its own for /admin and /metrics, which then are nowhere else', {
    max: 65_535,
    default: undefined,
    defaultIs: 'PORT',
    example: '3001',
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
  DATABASE_POOL_SIZE: integer('Connections that one instance keeps at most', { max: 500, default: 10 }),
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

const lifetimes = {
  COMPLIANCE_PROFILE: choice(
    'A rule book that sets these times where you do not, and refuses looser ones; it also wants REMEMBER_ME and REFRESH_COUNTS_AS_ACTIVITY to be false',
    complianceProfiles,
    { default: 'default' },
  ),
  ACCESS_TOKEN_TTL_SECONDS: integer('Life of an access token', { max: 3600, unit: 'seconds', default: 300 }),
  AUTHORIZATION_CODE_TTL_SECONDS: integer('Life of an authorization code', { max: 600, unit: 'seconds', default: 60 }),
  LOGIN_TRANSACTION_TTL_SECONDS: integer('Time that a person has to log in', {
    max: day,
    unit: 'seconds',
    default: 1800,
  }),
  SESSION_IDLE_SECONDS: integer('A session that is unused this long is over', {
    max: 30 * day,
    unit: 'seconds',
    default: 1800,
  }),
  SESSION_MAX_SECONDS: integer('A session is over this long after login', {
    max: year,
    unit: 'seconds',
    default: 36_000,
  }),
  REMEMBER_ME: flag('Whether the login page offers to keep a person signed in when the browser is closed', {
    defaultIs: 'true when one of the two times below is set, otherwise false',
  }),
  REMEMBER_ME_IDLE_SECONDS: integer('The same as SESSION_IDLE_SECONDS for people who asked to stay signed in', {
    max: year,
    unit: 'seconds',
    default: 14 * day,
  }),
  REMEMBER_ME_MAX_SECONDS: integer('The same as SESSION_MAX_SECONDS for people who asked to stay signed in', {
    max: year,
    unit: 'seconds',
    default: 30 * day,
  }),
  MAX_SESSIONS_PER_USER: integer('Sessions that one user may have at a time; 0 for any number', {
    min: 0,
    max: 1_000_000,
    default: 0,
  }),
  SESSION_LIMIT_POLICY: choice(
    'What a login beyond MAX_SESSIONS_PER_USER does: ends the session that was used longest ago, or is refused',
    ['end_oldest', 'deny_new'],
    { default: 'end_oldest' },
  ),
  REFRESH_IDLE_SECONDS: integer(
    "A client's access is over when it has not refreshed for this long; never outlives the session",
    {
      max: 30 * day,
      unit: 'seconds',
      default: undefined,
      defaultIs: 'as long as the session',
    },
  ),
  REFRESH_MAX_SECONDS: integer("A client's access is over this long after it began; never outlives the session", {
    max: year,
    unit: 'seconds',
    default: undefined,
    defaultIs: 'SESSION_MAX_SECONDS',
  }),
  REFRESH_COUNTS_AS_ACTIVITY: flag('Whether an app that refreshes keeps the session of its user from being idle', {
    defaultIs: 'true, and false under a COMPLIANCE_PROFILE',
  }),
  REFRESH_GRACE_SECONDS: integer('A refresh that is repeated within this time gets the same answer; 0 for never', {
    min: 0,
    max: 60,
    unit: 'seconds',
    default: 10,
  }),
  OFFLINE_IDLE_SECONDS: integer('Offline access is over when it has not refreshed for this long', {
    max: year,
    unit: 'seconds',
    default: 30 * day,
  }),
  OFFLINE_MAX_SECONDS: integer('Offline access is over this long after it began', {
    max: year,
    unit: 'seconds',
    default: 60 * day,
  }),
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

const protection = {
  ARGON2_MEMORY_KIB: integer('Memory of one password hash', { min: 8, max: 4_194_304, unit: 'KiB', default: 19_456 }),
  ARGON2_TIME: integer('Passes of one password hash', { max: 100, default: 2 }),
  ARGON2_PARALLELISM: integer('Lanes of one password hash', { max: 64, default: 1 }),
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

/** The table under its headings: what `.env.example` shows, in its order. */
export const settingGroups = {
  Server: server,
  'Database and data': data,
  'Keys and the first admin client': secrets,
  'Clients, users and the demo': contents,
  Lifetimes: lifetimes,
  'Signing keys': keys,
  'Passwords and limits': protection,
  'What is kept': kept,
}

/** THE TABLE of settings: types, validation, the message about bad ones and `.env.example` all come from it. */
export const settings = { ...server, ...data, ...secrets, ...contents, ...lifetimes, ...keys, ...protection, ...kept }

function describeRateLimits(): string {
  return Object.entries(defaultRateLimits)
    .map(([name, { count, seconds }]) => `${name}=${count}/${seconds}`)
    .join(', ')
}
