import { randomBytes } from 'node:crypto'
import { availableParallelism, totalmem } from 'node:os'
import argon2 from 'argon2'
import { createSemaphore } from './semaphore.ts'

/** Hashes and checks passwords with argon2id, a bounded number at a time. */
export interface PasswordHasher {
  /**
   * The PHC string to store.
   * @throws {RangeError} when the password is longer than `maxPasswordBytes`
   * @throws {Unavailable} when too many are waiting
   */
  hash(password: string): Promise<string>
  /**
   * Whether the password fits, and whether it should be hashed again with today's parameters. Takes as long
   * for nobody's password (null or undefined) as for a wrong one.
   * @throws {Unavailable} when too many are waiting
   */
  verify(phc: string | null | undefined, password: string): Promise<{ ok: boolean; needsRehash: boolean }>
  /** How many callers wait for their turn. */
  waiting(): number
}

/** Longer passwords are refused before they are hashed: their length would be the sender's choice of our work. */
export const maxPasswordBytes = 1024

type Parameters = { memoryKib: number; time: number; parallelism: number }

// A row that asks for 4 GiB is a way to stop the server, whoever wrote it.
const ceiling: Parameters = { memoryKib: 262_144, time: 10, parallelism: 16 }
const phcPattern =
  /^\$argon2id\$v=19\$m=([1-9]\d{0,6}),t=([1-9]\d?),p=([1-9]\d?)\$[A-Za-z0-9+/]{11,86}\$[A-Za-z0-9+/]{22,86}$/

/** A hasher with these argon2id parameters, `concurrency` jobs at a time and at most `queueLimit` waiting. */
export function createPasswordHasher(
  settings: Parameters & { concurrency: number; queueLimit: number },
): PasswordHasher {
  const { memoryKib, time, parallelism } = settings
  const semaphore = createSemaphore(settings.concurrency, settings.queueLimit)
  // Random bytes in place of a hash: as much work as a real one, and no password fits.
  const dummy = formatPhc(settings, randomBytes(16), randomBytes(32))

  return {
    async hash(password) {
      if (isTooLong(password)) throw new RangeError(`a password has at most ${maxPasswordBytes} bytes`)
      const options = { type: argon2.argon2id, memoryCost: memoryKib, timeCost: time, parallelism }
      return semaphore.run(() => argon2.hash(password, { ...options, salt: randomBytes(16) }))
    },
    async verify(phc, password) {
      const stored = phc == null ? undefined : parameters(phc)
      if (stored === undefined || phc == null || isTooLong(password)) {
        await semaphore.run(() => argon2.verify(dummy, isTooLong(password) ? '' : password))
        return { ok: false, needsRehash: false }
      }
      const ok = await semaphore.run(() => argon2.verify(phc, password))
      const current = stored.memoryKib === memoryKib && stored.time === time && stored.parallelism === parallelism
      return { ok, needsRehash: ok && !current }
    },
    waiting: () => semaphore.waiting(),
  }
}

/** Who shares the machine: threads of this process, and processes like it. */
interface Sharing {
  readonly threads: number
  readonly processes: number
}

/**
 * How many hashes of `memoryKib` may run at once in each of these processes: together one per core, in half of the memory (the servers need the
 * rest), and on all but one of libuv's threads, or else DNS and files wait behind passwords.
 */
export function hashesAtOnce(
  memoryKib: number,
  { threads, processes }: Sharing,
  { cores, memoryBytes } = thisMachine(),
): number {
  const fitting = Math.floor(memoryBytes / 2 / (memoryKib * 1024))
  return Math.max(1, Math.min(Math.ceil(cores / processes), threads - 1, Math.floor(fitting / processes)))
}

/** What this process may use, which in a container is less than what the machine has. */
function thisMachine() {
  const limit = process.constrainedMemory()
  return { cores: availableParallelism(), memoryBytes: limit ? Math.min(limit, totalmem()) : totalmem() }
}

function isTooLong(password: string): boolean {
  return Buffer.byteLength(password) > maxPasswordBytes
}

function parameters(phc: string): Parameters | undefined {
  const [matched, memory, passes, lanes] = phcPattern.exec(phc) ?? []
  if (matched === undefined) return undefined
  const stored = { memoryKib: Number(memory), time: Number(passes), parallelism: Number(lanes) }
  const isAffordable =
    stored.memoryKib <= ceiling.memoryKib && stored.time <= ceiling.time && stored.parallelism <= ceiling.parallelism
  // argon2 itself refuses less than 8 KiB per lane; that row must not become an error either.
  return isAffordable && stored.memoryKib >= 8 * stored.parallelism ? stored : undefined
}

function formatPhc({ memoryKib, time, parallelism }: Parameters, salt: Buffer, hash: Buffer): string {
  const [encodedSalt, encodedHash] = [salt, hash].map((bytes) => bytes.toString('base64').replace(/=+$/, ''))
  return `$argon2id$v=19$m=${memoryKib},t=${time},p=${parallelism}$${encodedSalt}$${encodedHash}`
}
