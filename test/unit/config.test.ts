import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseEnv } from 'node:util'
import { afterAll, describe, expect, it } from 'vitest'
import { parse as parseYaml } from 'yaml'
import { ConfigError, loadConfig, readConfig } from '../../src/config.ts'
import { envExample } from '../../src/settings/env-example.ts'
import { toPolicy } from '../../src/settings/policy.ts'
import { defaultRateLimits } from '../../src/settings/rate-limits.ts'
import { settings } from '../../src/settings/table.ts'

const masterKeys = Buffer.alloc(32, 7).toString('base64url')
const otherKey = Buffer.alloc(32, 8).toString('base64url')
const production = {
  NODE_ENV: 'production',
  ISSUER: 'https://login.example.com',
  DATABASE_URL: 'postgresql://falconer:hush-hush@db/falconer',
  MASTER_KEYS: masterKeys,
}
const folder = mkdtempSync(path.join(os.tmpdir(), 'falconer-config-'))
afterAll(() => rmSync(folder, { recursive: true }))

function problemsOf(env: Record<string, string | undefined>): string[] {
  try {
    readConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems
    throw error
  }
}

function writeFile(name: string, text: string): string {
  const file = path.join(folder, name)
  writeFileSync(file, text)
  return file
}

describe('settings: nothing set', () => {
  it('is a development server on its own embedded database, with the documented defaults', () => {
    expect(readConfig({})).toEqual({
      issuer: 'http://localhost:3000',
      host: '127.0.0.1',
      port: 3000,
      workers: 1,
      console: true,
      trustProxy: [],
      nodeEnv: 'development',
      logLevel: 'info',
      databasePoolSize: 10,
      databasePreparedStatements: true,
      dataDir: './.data',
      demo: true,
      demoPort: 4000,
      lifetimes: {
        accessTokenSeconds: 300,
        authorizationCodeSeconds: 60,
        loginTransactionSeconds: 1800,
      },
      policy: {
        COMPLIANCE_PROFILE: 'default',
        SESSION_IDLE_SECONDS: 1800,
        SESSION_MAX_SECONDS: 36_000,
        REMEMBER_ME: false,
        REMEMBER_ME_IDLE_SECONDS: 1_209_600,
        REMEMBER_ME_MAX_SECONDS: 2_592_000,
        REFRESH_IDLE_SECONDS: undefined,
        REFRESH_MAX_SECONDS: undefined,
        REFRESH_GRACE_SECONDS: 10,
        REFRESH_COUNTS_AS_ACTIVITY: true,
        OFFLINE_IDLE_SECONDS: 2_592_000,
        OFFLINE_MAX_SECONDS: 5_184_000,
        MAX_SESSIONS_PER_USER: 0,
        SESSION_LIMIT_POLICY: 'end_oldest',
      },
      keys: { publishLeadSeconds: 86_400, rotationSeconds: 7_776_000 },
      feed: { maxStalenessSeconds: 5, mostConnections: 1000 },
      argon2: { memoryKib: 19_456, time: 2, parallelism: 1 },
      hashing: { threads: 4, processes: 1 },
      outboundAllow: [],
      rateLimits: defaultRateLimits,
      auditRetentionDays: 400,
      sessionRetentionDays: 7,
      cleanupSeconds: 60,
    })
  })

  it('means the same as every setting set to an empty text', () => {
    const empty = Object.keys(settings).flatMap((name) => [
      [name, ''],
      [`${name}_FILE`, ' '],
    ])
    expect(readConfig(Object.fromEntries(empty))).toEqual(readConfig({}))
  })
})

describe('settings that follow another one', () => {
  it('the console is served unless the admin API is somewhere else', () => {
    expect(readConfig({ ADMIN_PORT: '3001' }).console).toBe(false)
    expect(readConfig({ ADMIN_PORT: '3001', CONSOLE: 'true' }).console).toBe(true)
    expect(readConfig({ CONSOLE: 'false' }).console).toBe(false)
  })

  it('the issuer follows the port', () => {
    expect(readConfig({ PORT: '8080' }).issuer).toBe('http://localhost:8080')
  })

  it('remember-me is offered when one of its times is set, unless it is switched off', () => {
    const rememberIn = (env: Record<string, string>) => toPolicy(readConfig(env).policy).remember
    expect(rememberIn({})).toBeUndefined()
    expect(rememberIn({ REMEMBER_ME: 'true' })).toEqual({ idleSeconds: 1_209_600, maxSeconds: 2_592_000 })
    expect(rememberIn({ REMEMBER_ME_IDLE_SECONDS: '60' })).toEqual({ idleSeconds: 60, maxSeconds: 2_592_000 })
    expect(rememberIn({ REMEMBER_ME: 'false', REMEMBER_ME_IDLE_SECONDS: '60' })).toBeUndefined()
  })

  it('there is a demo only beside the embedded database, unless it is asked for', () => {
    const ownDatabase = { DATABASE_URL: production.DATABASE_URL, MASTER_KEYS: masterKeys }
    expect(readConfig(ownDatabase).demo).toBe(false)
    expect(readConfig({ ...ownDatabase, DEMO: 'true' }).demo).toBe(true)
    expect(readConfig({ DEMO: 'false' }).demo).toBe(false)
  })

  it('the direct URL is the database URL unless a pooler sits between, and then prepared statements are off', () => {
    expect(readConfig(production)).toMatchObject({
      databaseDirectUrl: production.DATABASE_URL,
      databasePreparedStatements: true,
    })
    const pooled = { ...production, DATABASE_DIRECT_URL: 'postgres://db:5433/falconer' }
    expect(readConfig(pooled)).toMatchObject({
      databaseDirectUrl: 'postgres://db:5433/falconer',
      databasePreparedStatements: false,
    })
    expect(readConfig({ ...pooled, DATABASE_PREPARED_STATEMENTS: 'on' }).databasePreparedStatements).toBe(true)
  })
})

describe('settings that cannot be used', () => {
  it('are reported all at once, each with what it must be', () => {
    const bad = { PORT: '70000', DEMO: 'yes', LOG_LEVEL: 'loud', ACCESS_TOKEN_TTL_SECONDS: '0', TRUST_PROXY: 'true' }
    expect(problemsOf(bad)).toEqual([
      'PORT must be a whole number from 1 to 65535; it is "70000"',
      'TRUST_PROXY must be false, or addresses and CIDR ranges between commas (from /1); it is "true"',
      'LOG_LEVEL must be one of fatal, error, warn, info, debug, trace, silent; it is "loud"',
      'DEMO must be true or false; it is "yes"',
      'ACCESS_TOKEN_TTL_SECONDS must be a whole number of seconds from 1 to 3600 (1 hour); it is "0"',
    ])
    expect(() => readConfig(bad)).toThrow(/5 settings need attention[^]*PORT[^]*ACCESS_TOKEN[^]*\.env\.example/)
  })

  it.each(['1.5', '1e3', '-1', '0x10', '60s', 'NaN', '9'.repeat(40)])('a duration is not %s', (text) => {
    expect(problemsOf({ SESSION_IDLE_SECONDS: text })).toHaveLength(1)
  })

  it('never quote a secret', () => {
    const secret = 'do-not-print-me'
    const env = {
      DATABASE_URL: `mysql://root:${secret}@db/falconer`,
      MASTER_KEYS: secret,
      BOOTSTRAP_ADMIN_CLIENT_ID: 'admin',
      BOOTSTRAP_ADMIN_CLIENT_SECRET: secret,
      ISSUER: `https://falconer:${secret}@login.example.com`,
    }
    expect(problemsOf(env)).toHaveLength(4)
    expect(() => readConfig(env)).not.toThrow(secret)
  })

  it('an unknown name is nobody’s business', () => {
    expect(problemsOf({ FALCONER_URL: 'x', PORTS: 'x' })).toEqual([])
  })
})

describe('ISSUER', () => {
  it.each([
    'https://login.example.com',
    'https://login.example.com:8443',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
  ])('can be %s', (issuer) => {
    expect(readConfig({ ISSUER: issuer }).issuer).toBe(issuer)
  })

  it.each([
    ['http://login.example.com', 'https'],
    ['http://127.0.0.1.example.com', 'https'],
    ['http://localhost.', 'https'],
    ['ftp://localhost', 'https'],
    ['login.example.com', 'https origin'],
    ['https://login.example.com/', 'slash'],
    ['https://login.example.com/auth', 'path'],
    ['https://login.example.com?', 'query'],
    ['https://login.example.com#a', 'fragment'],
    ['https://me@login.example.com', 'user name'],
    ['https://LOGIN.example.com', 'written as https://login.example.com'],
    ['https://login.example.com:443', 'written as https://login.example.com'],
    ['http://127.1:3000', 'written as http://127.0.0.1:3000'],
  ])('cannot be %s', (issuer, reason) => {
    expect(problemsOf({ ISSUER: issuer })).toEqual([expect.stringContaining(reason)])
  })
})

describe('NODE_ENV=production', () => {
  it('starts with an https issuer, a database and master keys', () => {
    expect(readConfig(production)).toMatchObject({ issuer: 'https://login.example.com', masterKeys, demo: false })
  })

  it('refuses the embedded database, generated keys and the default issuer, together', () => {
    expect(problemsOf({ NODE_ENV: 'production' }).map((problem) => problem.split(' ')[0])).toEqual([
      'ISSUER',
      'DATABASE_URL',
      'MASTER_KEYS',
    ])
  })

  it.each([{ ISSUER: 'http://localhost:3000' }, { DEMO: 'true' }, { RATE_LIMITS: 'off' }])('refuses %o', (setting) => {
    expect(problemsOf({ ...production, ...setting })).toEqual([expect.stringContaining('in production')])
  })

  it('is not taken for a misspelt word', () => {
    expect(problemsOf({ NODE_ENV: 'prod' })).toHaveLength(1)
  })
})

describe('MASTER_KEYS', () => {
  it('are required beside DATABASE_URL, with the line that makes one', () => {
    expect(problemsOf({ DATABASE_URL: production.DATABASE_URL })).toEqual([expect.stringMatching(/make one with node/)])
  })

  it('can be several', () => {
    expect(readConfig({ MASTER_KEYS: `${masterKeys}, ${otherKey}` }).masterKeys).toBe(`${masterKeys}, ${otherKey}`)
  })

  it.each([
    ['too short', masterKeys.slice(1)],
    ['base64', Buffer.alloc(32, 255).toString('base64')],
    ['not the canonical text of its bytes', `${masterKeys.slice(0, -1)}d`],
    ['an empty item', `${masterKeys},`],
    ['a key given twice', `${masterKeys},${masterKeys}`],
  ])('refuse %s', (_, keys) => {
    expect(problemsOf({ MASTER_KEYS: keys })).toHaveLength(1)
  })
})

describe('secrets from files', () => {
  it.each(['MASTER_KEYS', 'DATABASE_URL', 'DATABASE_DIRECT_URL', 'BOOTSTRAP_ADMIN_CLIENT_SECRET'] as const)(
    '%s_FILE names a file that holds it, line end aside',
    (name) => {
      const env: Record<string, string> = {
        ...production,
        DATABASE_DIRECT_URL: 'postgresql://db/falconer',
        BOOTSTRAP_ADMIN_CLIENT_ID: 'admin',
        BOOTSTRAP_ADMIN_CLIENT_SECRET: 's'.repeat(32),
      }
      const { [name]: text = '', ...others } = env
      expect(readConfig({ ...others, [`${name}_FILE`]: writeFile(name, `${text}\n`) })).toEqual(readConfig(env))
    },
  )

  it('a file that is missing or empty is a problem, and so are both forms at once', () => {
    const missing = path.join(folder, 'missing')
    expect(problemsOf({ ...production, MASTER_KEYS: '', MASTER_KEYS_FILE: missing })).toEqual([
      expect.stringContaining('ENOENT'),
    ])
    expect(problemsOf({ MASTER_KEYS_FILE: writeFile('empty', '\n') })).toEqual([expect.stringContaining('empty file')])
    expect(problemsOf({ ...production, MASTER_KEYS_FILE: writeFile('key', masterKeys) })).toEqual([
      'MASTER_KEYS and MASTER_KEYS_FILE are both set: keep one',
    ])
  })

  it('only secrets have the form', () => {
    expect(readConfig({ PORT_FILE: writeFile('port', '9999') }).port).toBe(3000)
  })
})

describe('.env', () => {
  it('is read below the environment, which it does not change', () => {
    const envFile = writeFile('.env', '# mine\nPORT=4321\nLOG_LEVEL="warn"\n')
    const env = { LOG_LEVEL: 'error' }
    expect(loadConfig({ env, envFile })).toMatchObject({ port: 4321, logLevel: 'error' })
    expect(env).toEqual({ LOG_LEVEL: 'error' })
    expect(process.env.PORT).not.toBe('4321')
  })

  it('may be absent, but not unreadable', () => {
    expect(loadConfig({ env: {}, envFile: path.join(folder, 'no-such-file') })).toEqual(readConfig({}))
    expect(() => loadConfig({ env: {}, envFile: folder })).toThrow(ConfigError)
  })
})

describe('the first admin client', () => {
  it('has an id and a secret of at least 32 characters', () => {
    const client = { BOOTSTRAP_ADMIN_CLIENT_ID: 'admin', BOOTSTRAP_ADMIN_CLIENT_SECRET: 's'.repeat(32) }
    expect(readConfig(client).bootstrapAdminClient).toEqual({ id: 'admin', secret: 's'.repeat(32) })
    expect(problemsOf({ ...client, BOOTSTRAP_ADMIN_CLIENT_SECRET: 's'.repeat(31) })).toHaveLength(1)
  })

  it.each(['BOOTSTRAP_ADMIN_CLIENT_ID', 'BOOTSTRAP_ADMIN_CLIENT_SECRET'])('needs both: %s alone is refused', (name) => {
    expect(problemsOf({ [name]: 's'.repeat(32) })).toEqual([expect.stringContaining('together')])
  })
})

describe('TRUST_PROXY', () => {
  it('is a list of addresses and ranges', () => {
    expect(readConfig({ TRUST_PROXY: '10.0.0.5, 10.1.0.0/16,fd00::/8' }).trustProxy).toEqual([
      '10.0.0.5',
      '10.1.0.0/16',
      'fd00::/8',
    ])
  })

  it.each(['true', '1', '0.0.0.0/0', '::/0', '10.0.0.0/33', '10.0.0.0/8/8', 'proxy.example.com', '10.0.0.1,'])(
    'refuses %s, which would trust everyone or nobody',
    (text) => {
      expect(problemsOf({ TRUST_PROXY: text })).toHaveLength(1)
    },
  )
})

describe('RATE_LIMITS', () => {
  it('changes the named limits and keeps the others', () => {
    const { rateLimits } = readConfig({ RATE_LIMITS: 'login_address=3/60, client_auth=1/2' })
    expect(rateLimits).toEqual({
      ...defaultRateLimits,
      login_address: { count: 3, seconds: 60 },
      client_auth: { count: 1, seconds: 2 },
    })
  })

  it('is off only when it says so', () => {
    expect(readConfig({ RATE_LIMITS: 'off' }).rateLimits).toBe('off')
    expect(readConfig({ RATE_LIMITS: 'default' }).rateLimits).toEqual(defaultRateLimits)
  })

  it.each([
    'login_account',
    'login_account=5',
    'login_account=0/60',
    'login_account=5/0',
    'login_account=5/90000',
    'constructor=1/1',
    'login_account=1/1,login_account=2/2',
  ])('refuses %s', (text) => {
    expect(problemsOf({ RATE_LIMITS: text })).toHaveLength(1)
  })
})

describe('settings that contradict each other', () => {
  it.each([
    [{ DATABASE_DIRECT_URL: 'postgresql://db/falconer' }, 'DATABASE_URL'],
    [{ ARGON2_MEMORY_KIB: '8', ARGON2_PARALLELISM: '2' }, 'ARGON2_MEMORY_KIB'],
    [{ DEMO_PORT: '3000' }, 'DEMO_PORT'],
  ])('%o is refused', (env, reason) => {
    expect(problemsOf(env)).toEqual([expect.stringContaining(reason)])
  })
})

describe('compliance profiles', () => {
  it('set what was not set', () => {
    const { policy, auditRetentionDays, rateLimits } = readConfig({ COMPLIANCE_PROFILE: 'pci' })
    expect(policy).toMatchObject({ SESSION_IDLE_SECONDS: 900, REFRESH_COUNTS_AS_ACTIVITY: false })
    expect(rateLimits).toMatchObject({ login_account: { count: 10, seconds: 1800 } })
    expect(auditRetentionDays).toBe(400)
    expect(readConfig({ COMPLIANCE_PROFILE: 'hipaa' }).auditRetentionDays).toBe(2190)
    expect(readConfig({ COMPLIANCE_PROFILE: 'nist-aal2' }).policy.SESSION_IDLE_SECONDS).toBe(1800)
    expect(readConfig({ COMPLIANCE_PROFILE: 'nist-aal3' }).policy.SESSION_IDLE_SECONDS).toBe(900)
  })

  it('take what is stricter', () => {
    const strict = { COMPLIANCE_PROFILE: 'pci', SESSION_IDLE_SECONDS: '300', RATE_LIMITS: 'login_account=5/3600' }
    const { policy, rateLimits } = readConfig(strict)
    expect(policy.SESSION_IDLE_SECONDS).toBe(300)
    expect(rateLimits).toMatchObject({ login_account: { count: 5, seconds: 3600 } })
  })

  it.each([
    ['pci', 'SESSION_IDLE_SECONDS', '901', 'at most 900'],
    ['pci', 'AUDIT_RETENTION_DAYS', '364', 'at least 365'],
    ['pci', 'RATE_LIMITS', 'login_account=11/1800', 'no more than 10/1800'],
    ['pci', 'RATE_LIMITS', 'login_account=10/900', 'no more than 10/1800'],
    ['pci', 'REMEMBER_ME', 'true', 'must be false'],
    ['pci', 'REFRESH_COUNTS_AS_ACTIVITY', 'true', 'must be false'],
    ['hipaa', 'SESSION_IDLE_SECONDS', '1000', 'at most 900'],
    ['hipaa', 'AUDIT_RETENTION_DAYS', '400', 'at least 2190'],
    ['nist-aal2', 'SESSION_IDLE_SECONDS', '1801', 'at most 1800'],
    ['nist-aal2', 'SESSION_MAX_SECONDS', '43201', 'at most 43200'],
    ['nist-aal3', 'SESSION_IDLE_SECONDS', '901', 'at most 900'],
  ])('%s refuses %s=%s', (profile, name, value, problem) => {
    const problems = problemsOf({ COMPLIANCE_PROFILE: profile, [name]: value })
    expect(problems).toEqual([expect.stringContaining(name)])
    expect(problems[0]).toContain(problem)
    expect(problems[0]).toContain(`COMPLIANCE_PROFILE=${profile}`)
  })
})

describe('.env.example', () => {
  it('is what the table says (npx vitest run --config vitest.check.config.ts test/unit/config.test.ts -u)', async () => {
    await expect(envExample()).toMatchFileSnapshot('../../.env.example')
  })

  it('names every setting, and its examples are accepted when uncommented', () => {
    const examples = parseEnv(envExample().replaceAll(/^#([A-Z])/gm, '$1'))
    expect(Object.keys(examples).toSorted()).toEqual(Object.keys(settings).toSorted())
    expect(problemsOf({ ...examples, MASTER_KEYS: masterKeys })).toEqual([])
  })

  it('changes nothing as it stands', () => {
    expect(parseEnv(envExample())).toEqual({})
  })
})

describe('docker-compose.yml', () => {
  it('gives both instances settings that exist and are accepted', () => {
    const compose = parseYaml(readFileSync(new URL('../../docker-compose.yml', import.meta.url), 'utf8'), {
      merge: true,
    })
    const given: Record<string, string> = {
      FALCONER_MASTER_KEYS: masterKeys,
      FALCONER_CLIENT_SECRET: 's'.repeat(64),
      FALCONER_DATABASE_PASSWORD: 'p'.repeat(48),
    }
    for (const instance of ['falconer-1', 'falconer-2']) {
      const environment: [string, string][] = Object.entries(compose.services[instance].environment)
      const env = environment.map(([name, text]) => [
        name,
        text.replaceAll(/\$\{(\w+):\?[^}]*\}/g, (_, variable: string) => given[variable] ?? ''),
      ])
      expect(environment.map(([name]) => name).filter((name) => !Object.hasOwn(settings, name))).toEqual([])
      expect(problemsOf(Object.fromEntries(env))).toEqual([])
    }
  })
})
