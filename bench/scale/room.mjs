// Whether a size fits: into the free space of the disk, and into the time that was given.
import fs from 'node:fs'
import os from 'node:os'

/** A grant, its session and half a user, with their indexes; measured at a hundred thousand, with some to spare. */
const bytesPerRow = 1700
/** The log, of which a checkpoint may leave so much, and what everybody else needs. */
const spareBytes = 8 * 2 ** 30

/** What seeding takes until it has been measured. */
let secondsPerRow = 100e-6

/** To be told how long a seeding took. */
export const seeded = ({ rows, seedSeconds }) => {
  // A small one is mostly start and checkpoint, and says nothing about a big one.
  if (rows >= 100_000) secondsPerRow = seedSeconds / rows
}

/** Why there is no room for that many rows, or undefined. `secondsLeft`: until everything has to be measured. */
export function lackOfRoom(rows, secondsLeft) {
  const { bavail, bsize } = fs.statfsSync(os.tmpdir())
  const [needed, free] = [rows * bytesPerRow + spareBytes, bavail * bsize]
  if (needed > free) return `needs ${inGib(needed)} GiB in ${os.tmpdir()}, where ${inGib(free)} are free`
  const seconds = rows * secondsPerRow * 1.5
  if (seconds > secondsLeft)
    return `would be seeded in ${Math.ceil(seconds / 60)} minutes, and ${Math.max(0, Math.floor(secondsLeft / 60))} are left (--minutes)`
  return undefined
}

const inGib = (bytes) => (bytes / 2 ** 30).toFixed(1)
