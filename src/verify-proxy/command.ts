import type { AddressInfo } from 'node:net'
import { createVerifier } from '@falconer/verifier'
import type { Command } from '../cli/command.ts'
import { stopGracefully } from '../start/graceful-stop.ts'
import { help, parseProxyOptions } from './options.ts'
import { createProxy } from './server.ts'

export const command: Command = {
  run: async (invocation) => {
    const options = parseProxyOptions(invocation)
    if (!options) {
      process.stdout.write(help)
      return
    }
    const { host, port, routes, ...ofVerifier } = options
    const say = (line: object) =>
      process.stdout.write(`${JSON.stringify({ time: new Date().toISOString(), ...line })}\n`)
    const verifier = createVerifier({ ...ofVerifier, onEvent: (event) => say({ event }) })
    const proxy = createProxy(verifier, routes)
    await new Promise<void>((resolve, reject) => {
      proxy.once('error', reject)
      proxy.listen(port, host, resolve)
    }).catch((error: unknown) => {
      verifier.close()
      throw error
    })
    const address = proxy.address() as AddressInfo
    say({ listening: `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}` })
    stopGracefully(async () => {
      verifier.close()
      await new Promise((resolve) => {
        proxy.close(resolve)
        proxy.closeIdleConnections()
      })
    })
  },
}
