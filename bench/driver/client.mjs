import { fork } from 'node:child_process'

/** Starts the driver; each of its commands is a function here. */
export function startDriver() {
  const child = fork(new URL('main.mjs', import.meta.url), { serialization: 'advanced' })
  const waiting = new Map()
  let last = 0
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id)
    waiting.delete(id)
    if (error === undefined) resolve(result)
    else reject(new Error(`the driver says: ${error}`))
  })
  child.on('exit', (code, signal) => {
    for (const { reject } of waiting.values()) reject(new Error(`the driver ended (${code ?? signal})`))
  })
  const call = (command) => (parameters) =>
    new Promise((resolve, reject) => {
      waiting.set(++last, { resolve, reject })
      child.send({ id: last, command, ...parameters }, (error) => error && reject(error))
    })
  return {
    pid: child.pid,
    fill: call('fill'),
    run: call('run'),
    forget: call('forget'),
    stop: () => child.connected && child.disconnect(),
  }
}
