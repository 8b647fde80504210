import fs from 'node:fs'
import net from 'node:net'
import os from 'node:os'
import path from 'node:path'
import type { RunAs } from './postgres-binaries.ts'

const file = '.s.PGSQL.5432'
const prefix = 'falconer-postgres-'

/** The directory of the Unix socket: `home`, or for a deep one a short stand-in (at most 103 bytes fit on macOS). */
export function socketDirectory(home: string, runAs: RunAs): string {
  if (Buffer.byteLength(path.join(home, file)) <= 100) return home
  const parent = Buffer.byteLength(os.tmpdir()) <= 60 ? os.tmpdir() : '/tmp'
  const directory = fs.mkdtempSync(path.join(parent, prefix))
  if (runAs.owner) fs.chownSync(directory, runAs.owner.uid, runAs.owner.gid)
  return directory
}

/** Removes a stand-in, or from any other directory the socket and its lock file. */
export function removeSocket(directory: string): void {
  const isStandIn = path.basename(directory).startsWith(prefix)
  const remains = isStandIn ? [directory] : [path.join(directory, file), path.join(directory, `${file}.lock`)]
  for (const remain of remains) fs.rmSync(remain, { recursive: true, force: true })
}

/** Whether a server listens there, be it one whose process cannot be seen from here. */
export function answers(directory: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = net.connect(path.join(directory, file))
    connection.once('error', () => resolve(false))
    connection.once('connect', () => {
      connection.destroy()
      resolve(true)
    })
  })
}
