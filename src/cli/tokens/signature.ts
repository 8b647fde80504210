import { readFileSync } from 'node:fs'
import { compactVerify, createLocalJWKSet, type JSONWebKeySet } from 'jose'
import type { Document } from '../../domain/field.ts'
import { Failure, UsageError } from '../command.ts'
import { findServer } from '../credentials.ts'
import type { Context } from '../definition.ts'
import { request } from '../http.ts'

/** Whose keys a signature was checked with, and whether it is good. */
export interface SignatureCheck {
  readonly signature: 'good' | 'bad' | 'not_checked'
  readonly says: string
}

/** Checks a JWT with the keys of the server that is set, or of a file; never with those that the token itself names. */
export async function checkSignature(context: Context, token: string, claims: Document): Promise<SignatureCheck> {
  const file = context.given.text('jwks')
  const server = findServer(context.env)
  if (file === undefined && server === undefined)
    return { signature: 'not_checked', says: 'not checked: set FALCONER_URL, or name a file with --jwks' }
  if (server !== undefined && claims['iss'] !== server && file === undefined)
    return { signature: 'bad', says: `not one of ours: this server is ${server}` }
  const keys = file === undefined ? await fetchKeys(server ?? '', context.signal) : readKeys(file)
  const from = file ?? server
  try {
    await compactVerify(token, createLocalJWKSet(keys))
    return { signature: 'good', says: `good, by the keys of ${from}` }
  } catch (error) {
    const code = (error as { code?: unknown }).code
    const why = code === 'ERR_JWKS_NO_MATCHING_KEY' ? 'its key is not among them' : 'it does not fit'
    return { signature: 'bad', says: `bad by the keys of ${from}: ${why}` }
  }
}

async function fetchKeys(server: string, signal: AbortSignal): Promise<JSONWebKeySet> {
  const { status, body } = await request(`${server}/.well-known/jwks.json`, {}, { signal })
  if (status !== 200 || !isKeySet(body))
    throw new Failure(`${server}/.well-known/jwks.json is no JWK Set (status ${status}).`)
  return body
}

function readKeys(file: string): JSONWebKeySet {
  let content: unknown
  try {
    content = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    throw new UsageError(`--jwks cannot be read (${(error as NodeJS.ErrnoException).code ?? 'it is not JSON'})`)
  }
  if (isKeySet(content)) return content
  throw new UsageError('--jwks must name a JWK Set: {"keys": [...]}')
}

const isKeySet = (value: unknown): value is JSONWebKeySet =>
  typeof value === 'object' && value !== null && Array.isArray((value as { keys?: unknown }).keys)
