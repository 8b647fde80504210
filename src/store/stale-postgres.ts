import fs from 'node:fs'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRunningWith } from './data-directory-owner.ts'
import { unavailable } from './postgres-binaries.ts'
import { answers, removeSocket } from './postgres-socket.ts'

/**
 * Clears the way after a kill -9: stops a server that outlived its owner, and takes away locks that name a zombie, or a
 * process that got the number since. Only for the owner of the data directory.
 */
export async function removeStaleServer(data: string): Promise<void> {
  const pidFile = path.join(data, 'postmaster.pid')
  if (!fs.existsSync(pidFile)) return
  const lines = fs.readFileSync(pidFile, 'utf8').split('\n')
  await stop(Number(lines[0]), data)
  const sockets = lines[4]
  if (sockets) {
    if (await answers(sockets)) {
      throw unavailable(`in ${data} is in use by a process that cannot be seen from here (another container?).`)
    }
    removeSocket(sockets)
  }
  if (!fs.existsSync(pidFile)) return
  // PostgreSQL does not take its parent for a rival, as it would a zombie or an unrelated process. Without the file it could
  // not see that backends of the killed server still hold the shared memory.
  if (lines.length > 1) fs.writeFileSync(pidFile, [process.pid, ...lines.slice(1)].join('\n'))
  else fs.rmSync(pidFile)
}

/** Fast shutdown first, then without a checkpoint. */
async function stop(pid: number, data: string): Promise<void> {
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    if (!isRunningWith(pid, data)) return
    try {
      process.kill(pid, signal)
    } catch (cause) {
      if (isRunningWith(pid, data)) throw unavailable(`still runs as process ${pid} of another user.`, cause)
    }
    for (let tries = 0; isRunningWith(pid, data) && tries < 300; tries++) await sleep(50)
  }
  if (isRunningWith(pid, data)) throw unavailable(`still runs as process ${pid}, lost its owner, and does not stop.`)
}
