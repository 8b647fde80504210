// What the figures were measured on, for whoever reads them later.
import os from 'node:os'

export function machineFacts(postgres) {
  const [cpu] = os.cpus()
  return {
    date: new Date().toISOString().slice(0, 10),
    cpu: `${os.availableParallelism()} × ${cpu?.model.trim() ?? 'unknown processor'}`,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    system: `${os.type()} ${os.release()}`,
    node: process.version,
    postgres: postgres.version,
    loadBefore: os.loadavg()[0],
  }
}
