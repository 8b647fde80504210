import { describe, expect, it } from 'vitest'
import { ConfigError, readConfig } from '../../src/config.ts'
import { explainDatabaseFailure, explainStartFailure } from '../../src/start/failure.ts'

const config = readConfig({ PORT: '3000', ADMIN_PORT: '3001', DEMO_PORT: '4000' })
const coded = (code: string, more: object = {}, message = `${code} happened`) =>
  Object.assign(new Error(message), { code, ...more })

describe('a start that fails', () => {
  it('ends with the code for wrong settings when a setting is wrong', () => {
    const error = new ConfigError(['PORT must be a number'])
    expect(explainStartFailure(error, undefined)).toEqual({ message: error.message, exitCode: 78 })
  })

  it.each([
    [3000, 'set PORT to'],
    [3001, 'set ADMIN_PORT to'],
    [4000, 'set DEMO_PORT to'],
  ])('names the setting when port %i is in use', (port, say) => {
    const { message, exitCode } = explainStartFailure(coded('EADDRINUSE', { port }), config)
    expect(message).toContain(`Port ${port} is in use`)
    expect(message).toContain(say)
    expect(exitCode).toBe(69)
  })

  it('says what to do without the packages of the demo', () => {
    const error = coded('ERR_MODULE_NOT_FOUND', {}, `Cannot find package 'openid-client' imported from x`)
    expect(explainStartFailure(error, config).message).toContain('DEMO=false')
  })

  it('has a message even for an error that has none', () => {
    expect(explainStartFailure(coded('EWEIRD', {}, ''), config).message).toBe('EWEIRD')
    expect(explainStartFailure('torn', config).message).toBe('torn')
  })
})

describe('a database that cannot be used', () => {
  const url = 'postgresql://falconer:geheim@db.example.com:5433/identity'
  const explain = (error: unknown, at = url) => explainDatabaseFailure(error, at).message

  it.each([
    ['ECONNREFUSED', 'Nothing answers at db.example.com:5433'],
    ['ENOTFOUND', 'The host of db.example.com:5433 is not known'],
    ['28P01', 'refuses the user or the password'],
    ['3D000', 'has no database "identity"'],
  ])('is explained for %s, without the password', (code, say) => {
    expect(explain(coded(code))).toContain(say)
    expect(explain(coded(code))).toContain('DATABASE_URL')
    expect(explain(coded(code))).not.toContain('geheim')
  })

  it('is explained when every address of its host refused', () => {
    const error = Object.assign(new AggregateError([coded('ECONNREFUSED'), coded('ECONNREFUSED')], ''))
    expect(explain(error, 'postgresql://falconer@localhost/falconer')).toContain('Nothing answers at localhost:5432')
  })

  it('explains itself where it can', () => {
    const error = new Error('0003_more.sql: column "x" does not exist')
    expect(explainDatabaseFailure(error, url)).toBe(error)
  })
})
