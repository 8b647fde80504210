import { sha256 } from '../crypto/hash.ts'
import type { Database, Queries } from '../store/database.ts'
import { inOneCommit } from '../store/idempotency-commit.ts'
import { claimKey, findKey, type KeyName, keepAnswer, releaseKey, takeOverKey } from '../store/idempotency-keys.ts'
import { Problem } from './problem.ts'
import type { AdminTools } from './tools.ts'

/** A request that must not be done twice (draft-ietf-httpapi-idempotency-key-header). */
export interface KeyedRequest extends KeyName {
  /** All that makes it this request and no other one. */
  readonly request: readonly unknown[]
}

interface Answer {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
}

interface Deed<A> {
  readonly tools: AdminTools
  readonly act: (tools: AdminTools) => Promise<A>
  /** All that it does is one transaction of the tools that it is given. */
  readonly isOneCommit: boolean
}

/** Longer than any request takes: 30 s to arrive, and 30 s for verifiers. */
const claimSeconds = 90

/** The key that a header names: a text of Structured Fields, or the same without quotes. @throws {Problem} invalid_request */
export function readIdempotencyKey(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined
  const key =
    /^\s*(?:"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x2b\x2d-\x3a\x3c-\x5b\x5d-\x7e]{1,255}))\s*$/.exec(
      String(header),
    )
  const text = key?.[1] ?? key?.[2]
  if (text === undefined)
    throw new Problem('invalid_request', 'Idempotency-Key must be one text of 1 to 255 visible ASCII characters')
  return text
}

/**
 * Does a request of a caller and a key once, and answers every further one as the first. Only what succeeds is remembered: what was refused or
 * failed has changed nothing, and may be tried again.
 *
 * The key is claimed before the work begins, so of those that come together, on whichever instance, one works. What then holds depends on the
 * work. Where it is one transaction, the answer is part of that: there is either both or none, whenever the process dies, and whoever
 * lost its claim meanwhile commits nothing. Elsewhere (endings, which wait for verifiers after their COMMIT; keys, which are made one by
 * one) the answer is stored after the effect. If the process dies between the two, the key is free again when the claim runs out, and
 * trying again does it again: an ending then ends what has begun meanwhile.
 */
export async function doOnce<A extends Answer>(
  keyed: KeyedRequest,
  { tools, act, isOneCommit }: Deed<A>,
): Promise<Answer> {
  const { db, seal } = tools
  const name: KeyName = { caller: keyed.caller, key: keyed.key }
  const context = `idempotency-key ${keyed.caller} ${keyed.key}`
  // Sealed like the answer: a bare hash of a request with a password in it is a fast hash of the password.
  const digest = sha256(JSON.stringify(keyed.request))
  const sealedRequest = seal.seal(digest, `request of ${context}`)

  const claim = (await claimKey(db, name, sealedRequest, claimSeconds)) ?? (await claimAgain())
  if (typeof claim !== 'string') return claim
  const keep = async (queries: Queries, answer: A): Promise<boolean> =>
    keepAnswer(queries, name, claim, seal.seal(Buffer.from(JSON.stringify(answer)), `answer of ${context}`))
  try {
    if (isOneCommit) {
      return await inOneCommit(
        db,
        (held: Database) => act({ ...tools, db: held }),
        async (tx, answer) => {
          if (!(await keep(tx, answer))) throw inUse()
        },
      )
    }
    const answer = await act(tools)
    // It is done, and who asked has to know, even if nobody else will be told.
    await keep(db, answer).catch(() => false)
    return answer
  } catch (error) {
    await releaseKey(db, name, claim).catch(() => undefined)
    throw error
  }

  /** Somebody had the key: their answer, or the claim of one who died with it. */
  async function claimAgain(): Promise<string | Answer> {
    const known = await findKey(db, name)
    if (!known) throw inUse()
    if (!seal.open(known.request, `request of ${context}`).equals(digest))
      throw new Problem('idempotency_key_reused', 'This Idempotency-Key was sent with another request')
    if (known.answer) {
      const stored: Answer = JSON.parse(seal.open(known.answer, `answer of ${context}`).toString())
      return { ...stored, headers: { ...stored.headers, 'idempotency-replayed': 'true' } }
    }
    const claimed = known.isAbandoned ? await takeOverKey(db, name, known.claim, claimSeconds) : undefined
    if (claimed === undefined) throw inUse()
    return claimed
  }
}

const inUse = () =>
  new Problem('idempotency_key_in_use', 'The first request with this Idempotency-Key is still under way')
