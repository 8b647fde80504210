import { readFileSync } from 'node:fs'
import { parseEnv } from 'node:util'
import { applyProfile } from './settings/compliance.ts'
import { type ConfiguredPolicy, policySettings } from './settings/policy.ts'
import type { Setting, ValuesOf } from './settings/setting.ts'
import { settings } from './settings/table.ts'

type Name = keyof typeof settings
type Values = ValuesOf<typeof settings>
type Texts = Partial<Record<Name, string>>
type Environment = Readonly<Record<string, string | undefined>>

/** Every setting as the server uses it: defaults filled in, related ones together. */
export type Config = ReturnType<typeof toConfig>

/** The settings cannot be used; the message lists every problem and never quotes a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: string[]

  constructor(problems: string[]) {
    const count = problems.length === 1 ? 'a setting needs' : `${problems.length} settings need`
    super(
      `Falconer cannot start: ${count} attention.\n${problems.map((problem) => `  - ${problem}\n`).join('')}` +
        'Set them in the environment or in a file .env; .env.example explains every setting.',
    )
    this.problems = problems
  }
}

/**
 * Reads the environment over the file `envFile`, which may be absent; neither is changed.
 * @throws {ConfigError} when a setting cannot be used
 */
export function loadConfig({ env, envFile }: { env: Environment; envFile: string }): Config {
  return readConfig({ ...readEnvFile(envFile), ...env })
}

/**
 * Reads every setting, and for a secret also the file that `NAME_FILE` names; an empty text counts as absent.
 * @throws {ConfigError} with all problems at once
 */
export function readConfig(env: Environment): Config {
  const problems: string[] = []
  const texts = readTexts(env, problems)
  const values = readValues(texts, problems)
  values.REMEMBER_ME ??= texts.REMEMBER_ME_IDLE_SECONDS !== undefined || texts.REMEMBER_ME_MAX_SECONDS !== undefined
  problems.push(...applyProfile(values, texts))
  problems.push(...rules.map((rule) => rule(values, texts)).filter((problem) => typeof problem === 'string'))
  if (problems.length > 0) throw new ConfigError(problems)
  return toConfig(values)
}

function readEnvFile(envFile: string): Environment {
  try {
    return parseEnv(readFileSync(envFile, 'utf8'))
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return {}
    throw new ConfigError([`${envFile} cannot be read (${errorCode(error)})`])
  }
}

const names = Object.keys(settings).filter((name): name is Name => Object.hasOwn(settings, name))

function readTexts(env: Environment, problems: string[]): Texts {
  const texts: Texts = {}
  for (const name of names) {
    const direct = env[name]?.trim() ?? ''
    const file = settings[name].isSecret ? (env[`${name}_FILE`]?.trim() ?? '') : ''
    if (direct !== '' && file !== '') problems.push(`${name} and ${name}_FILE are both set: keep one`)
    const text = direct !== '' || file === '' ? direct : readSecretFile(name, file, problems)
    // A file that could not be read leaves an empty text: that is a problem already, but the setting is not missing.
    if (direct !== '' || file !== '') texts[name] = text
  }
  return texts
}

function readSecretFile(name: string, file: string, problems: string[]): string {
  try {
    const text = readFileSync(file, 'utf8').trim()
    if (text === '') problems.push(`${name}_FILE names an empty file, ${quote(file)}`)
    return text
  } catch (error) {
    problems.push(`${name}_FILE names ${quote(file)}, which cannot be read (${errorCode(error)})`)
    return ''
  }
}

function readValues(texts: Texts, problems: string[]): Values {
  const readValue = (name: Name): [Name, unknown] => {
    const setting: Setting<unknown> = settings[name]
    const text = texts[name]
    if (text === undefined || text === '') return [name, setting.fallback]
    const reading = setting.read(text)
    if ('value' in reading) return [name, reading.value]
    problems.push(`${name} ${reading.problem}${setting.isSecret ? '' : `; it is ${quote(text)}`}`)
    return [name, setting.fallback]
  }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries forgets which name has which type
  return Object.fromEntries(names.map(readValue)) as Values
}

type Rule = (values: Values, texts: Texts) => string | false

const isProduction = (values: Values) => values.NODE_ENV === 'production'
const newKey = `node -p "require('node:crypto').randomBytes(32).toString('base64url')"`

// What no setting can tell by itself. A setting that is wrong already is not reported a second time as missing.
const rules: Rule[] = [
  (values, texts) =>
    isProduction(values) && texts.ISSUER === undefined && 'ISSUER is required in production: the public https URL',
  (values) =>
    isProduction(values) && values.ISSUER?.startsWith('http:') === true && 'ISSUER must be an https URL in production',
  (values, texts) =>
    isProduction(values) &&
    texts.DATABASE_URL === undefined &&
    'DATABASE_URL is required in production: the embedded database is for development',
  (values, texts) =>
    (isProduction(values) || texts.DATABASE_URL !== undefined) &&
    texts.MASTER_KEYS === undefined &&
    `MASTER_KEYS is required${isProduction(values) ? ' in production' : ' with DATABASE_URL'}: make one with ${newKey}`,
  (values) => isProduction(values) && values.DEMO === true && 'DEMO must not be true in production',
  (values) => isProduction(values) && values.RATE_LIMITS === 'off' && 'RATE_LIMITS must not be off in production',
  (_, texts) =>
    texts.DATABASE_DIRECT_URL !== undefined &&
    texts.DATABASE_URL === undefined &&
    'DATABASE_DIRECT_URL needs DATABASE_URL beside it',
  (_, texts) =>
    (texts.BOOTSTRAP_ADMIN_CLIENT_ID === undefined) !== (texts.BOOTSTRAP_ADMIN_CLIENT_SECRET === undefined) &&
    'BOOTSTRAP_ADMIN_CLIENT_ID and BOOTSTRAP_ADMIN_CLIENT_SECRET must be set together',
  // The limit is Argon2's own (RFC 9106 §3.1); without this line it fails at the first login instead of at the start.
  (values) =>
    values.ARGON2_MEMORY_KIB < 8 * values.ARGON2_PARALLELISM &&
    'ARGON2_MEMORY_KIB must be at least 8 times ARGON2_PARALLELISM',
  (values) => isDemo(values) && values.DEMO_PORT === values.PORT && 'DEMO_PORT must not be PORT',
  (values) => values.ADMIN_PORT === values.PORT && 'ADMIN_PORT must not be PORT',
  (values) => isDemo(values) && values.DEMO_PORT === values.ADMIN_PORT && 'DEMO_PORT must not be ADMIN_PORT',
]

function isDemo(values: Values): boolean {
  return values.DEMO ?? values.DATABASE_URL === undefined
}

function toConfig(values: Values) {
  const { BOOTSTRAP_ADMIN_CLIENT_ID: adminId, BOOTSTRAP_ADMIN_CLIENT_SECRET: adminSecret } = values
  const databaseDirectUrl = values.DATABASE_DIRECT_URL ?? values.DATABASE_URL
  const prepared = values.DATABASE_PREPARED_STATEMENTS
  return {
    issuer: values.ISSUER ?? `http://localhost:${values.PORT}`,
    host: values.HOST,
    port: values.PORT,
    workers: values.WORKERS,
    ...(values.ADMIN_PORT !== undefined && { adminPort: values.ADMIN_PORT }),
    console: values.CONSOLE ?? values.ADMIN_PORT === undefined,
    trustProxy: values.TRUST_PROXY,
    nodeEnv: values.NODE_ENV,
    logLevel: values.LOG_LEVEL,
    ...(values.DATABASE_URL !== undefined && { databaseUrl: values.DATABASE_URL }),
    ...(databaseDirectUrl !== undefined && { databaseDirectUrl }),
    databasePoolSize: values.DATABASE_POOL_SIZE,
    databasePreparedStatements: prepared === 'auto' ? values.DATABASE_DIRECT_URL === undefined : prepared === 'on',
    dataDir: values.DATA_DIR,
    ...(values.MASTER_KEYS !== undefined && { masterKeys: values.MASTER_KEYS }),
    ...(adminId !== undefined &&
      adminSecret !== undefined && { bootstrapAdminClient: { id: adminId, secret: adminSecret } }),
    ...(values.CONFIG_FILE !== undefined && { configFile: values.CONFIG_FILE }),
    demo: isDemo(values),
    demoPort: values.DEMO_PORT,
    lifetimes: {
      accessTokenSeconds: values.ACCESS_TOKEN_TTL_SECONDS,
      authorizationCodeSeconds: values.AUTHORIZATION_CODE_TTL_SECONDS,
      loginTransactionSeconds: values.LOGIN_TRANSACTION_TTL_SECONDS,
    },
    policy: policyOf(values),
    keys: { publishLeadSeconds: values.KEY_PUBLISH_LEAD_SECONDS, rotationSeconds: values.KEY_ROTATION_SECONDS },
    feed: {
      maxStalenessSeconds: values.FEED_MAX_STALENESS_SECONDS,
      mostConnections: values.FEED_MAX_CONNECTIONS,
    },
    argon2: {
      memoryKib: values.ARGON2_MEMORY_KIB,
      time: values.ARGON2_TIME,
      parallelism: values.ARGON2_PARALLELISM,
    },
    hashing: { threads: values.UV_THREADPOOL_SIZE, processes: values.WORKERS },
    rateLimits: values.RATE_LIMITS,
    outboundAllow: values.OUTBOUND_ALLOW,
    auditRetentionDays: values.AUDIT_RETENTION_DAYS,
    sessionRetentionDays: values.SESSION_RETENTION_DAYS,
    cleanupSeconds: values.CLEANUP_INTERVAL_SECONDS,
  }
}

/** The policy as it will stand in the database: nothing in it is still to be decided. */
function policyOf(values: Values): ConfiguredPolicy {
  const isOfPolicy = (name: string) => name === 'COMPLIANCE_PROFILE' || Object.hasOwn(policySettings, name)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries forgets which name has which type
  const policy = Object.fromEntries(Object.entries(values).filter(([name]) => isOfPolicy(name))) as Values
  return {
    ...policy,
    REMEMBER_ME: policy.REMEMBER_ME ?? false,
    REFRESH_COUNTS_AS_ACTIVITY: policy.REFRESH_COUNTS_AS_ACTIVITY ?? true,
  }
}

// A pasted connection string can hold a password wherever it lands.
function quote(text: string): string {
  const shown = text.replace(/\/\/[^/]*@/, '//…@')
  return JSON.stringify(shown.length > 100 ? `${shown.slice(0, 100)}…` : shown)
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}
