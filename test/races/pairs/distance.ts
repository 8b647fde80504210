import net, { type AddressInfo } from 'node:net'

/** A way to the database that takes time. */
export interface Distance {
  readonly url: string
  close(): void
}

/**
 * Puts a network between the servers and their database: every message takes up to so many milliseconds more. The locks of a transaction of
 * several statements are held for as long as its messages travel, so that others meet them far more often than on one machine.
 */
export async function openDistance(url: string, mostMs: number): Promise<Distance> {
  const target = new URL(url)
  const socket = target.searchParams.get('host')
  const port = Number(target.port || 5432)
  const connect = () =>
    socket?.startsWith('/') ? net.connect(`${socket}/.s.PGSQL.${port}`) : net.connect(port, target.hostname)
  const open = new Set<net.Socket>()
  const server = net.createServer((near) => {
    const far = connect()
    relay(near, far, mostMs)
    relay(far, near, mostMs)
    for (const end of [near, far]) {
      open.add(end)
      end.setNoDelay(true)
      end.on('error', () => {})
      end.on('close', () => {
        open.delete(end)
        near.destroy()
        far.destroy()
      })
    }
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  target.searchParams.delete('host')
  target.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: target.href,
    close: () => {
      server.close()
      for (const end of open) end.destroy()
    },
  }
}

/** Passes everything on, later and in the same order. */
function relay(from: net.Socket, to: net.Socket, mostMs: number): void {
  const onTheWay: Buffer[] = []
  from.on('data', (bytes) => {
    onTheWay.push(bytes)
    setTimeout(() => to.writable && to.write(onTheWay.shift() ?? ''), Math.random() * mostMs)
  })
  from.on('end', () => setTimeout(() => to.end(), mostMs + 1))
}
