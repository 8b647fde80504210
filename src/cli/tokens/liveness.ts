import type { Document } from '../../domain/field.ts'
import { createApi } from '../api.ts'
import { Failure, UsageError } from '../command.ts'
import { findCredentials } from '../credentials.ts'
import type { Context } from '../definition.ts'
import { Refused } from '../refusal.ts'

/** Whether the server would still accept it; null: nobody here may know. */
export interface LivenessCheck {
  readonly alive: boolean | null
  readonly says: string
  /** What `explain` says of the grant behind it. */
  readonly explained?: Document
}

const unknown = (says: string): LivenessCheck => ({ alive: null, says: `not known: ${says}` })

/** Asks the server about an access token, by introspection where that is allowed, and about its grant. */
export async function checkAccessToken(context: Context, token: string, claims: Document): Promise<LivenessCheck> {
  const api = apiOf(context)
  if (!api) return unknown('there are no credentials to ask with')
  const introspected = await api.introspect(token)
  if (introspected?.['active'] === true) return { alive: true, says: 'no, by introspection' }
  const grant = typeof claims['gid'] === 'string' ? await checkGrant(context, claims['gid']) : undefined
  if (introspected) return { ...grant, alive: false, says: 'yes, by introspection' }
  if (!grant) return unknown(`the client ${api.clientId} has not the scope introspect:any`)
  return grant.alive === true
    ? unknown(`its grant is alive; for the token itself the scope introspect:any is needed`)
    : grant
}

/** What is known about a grant. */
export async function checkGrant(context: Context, gid: string): Promise<LivenessCheck> {
  const api = apiOf(context)
  if (!api) return unknown('there are no credentials to ask with')
  try {
    const explained = await api.get(`/grants/${encodeURIComponent(gid)}/explain`, 'sessions:read')
    const alive = explained['alive'] === true
    return { alive, says: alive ? 'no, its grant is alive' : 'yes, its grant is over', explained }
  } catch (error) {
    if (error instanceof Refused && error.status === 404)
      return { alive: false, says: 'yes, its grant is not on record any more' }
    if (error instanceof Refused || error instanceof Failure) return unknown(error.message.split('\n')[0] ?? '')
    throw error
  }
}

function apiOf({ env, signal, given }: Context) {
  // A file of keys means: without any connection.
  if (given.has('jwks')) return undefined
  try {
    return createApi(findCredentials(env), { signal, allowed: ['sessions:read'] })
  } catch (error) {
    if (error instanceof UsageError) return undefined
    throw error
  }
}
