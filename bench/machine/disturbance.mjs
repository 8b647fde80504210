// How much of the processors went to somebody else while rounds were played: other programs of this machine, and the hypervisor's other guests.
import fs from 'node:fs'
import { cpuSecondsOf, hasProc, ticksPerSecond } from './process.mjs'

function readMachine() {
  const [, user, nice, system, idle, wait, irq, softIrq, steal] = fs
    .readFileSync('/proc/stat', 'latin1')
    .split('\n', 1)[0]
    .split(/\s+/)
    .map(Number)
  const busy = user + nice + system + irq + softIrq
  return { busy, steal, all: busy + steal + idle + wait }
}

/** Adds up over many rounds; `ownCpuSeconds` says what the servers under test have used so far. */
export function createDisturbance(driverPid) {
  const sums = { foreign: 0, steal: 0, all: 0 }
  const read = (ownCpuSeconds) => {
    const own = (ownCpuSeconds + cpuSecondsOf(driverPid) + cpuSecondsOf(process.pid)) * ticksPerSecond
    return { ...readMachine(), own }
  }
  return {
    /** Returns what ends the round. */
    begin: (ownCpuSeconds) => {
      if (!hasProc) return () => {}
      const before = read(ownCpuSeconds)
      return (ownCpuSecondsAfter) => {
        const after = read(ownCpuSecondsAfter)
        sums.foreign += Math.max(0, after.busy - before.busy - (after.own - before.own))
        sums.steal += after.steal - before.steal
        sums.all += after.all - before.all
      }
    },
    /** Shares of all processor time, or undefined. */
    shares: () =>
      sums.all === 0 ? undefined : { otherPrograms: sums.foreign / sums.all, otherGuests: sums.steal / sums.all },
  }
}
