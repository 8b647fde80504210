// HTTP/1.1 over one connection that stays open, one request at a time: as little work as possible, because the driver shares the cores with
// the server that it measures.
import net from 'node:net'

/**
 * @param {number} port
 * @returns {Promise<{ send: (head: string, body?: string) => Promise<Answer>, close: () => void }>} `send` takes everything before
 *   Content-Length, without the line end of the last header
 * @typedef {{ status: number, head: string, body: string }} Answer
 */
export async function connect(port) {
  const socket = net.connect({ port, host: '127.0.0.1', noDelay: true })
  await new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  // Every byte is one character, so that Content-Length counts characters; what is compared here is ASCII.
  socket.setEncoding('latin1')
  let waiting
  let received = ''
  const fail = (error) => {
    waiting?.reject(error)
    waiting = undefined
  }
  socket.on('error', fail)
  socket.on('close', () => fail(new Error('the server closed the connection')))
  socket.on('data', (chunk) => {
    received += chunk
    const answer = parse(received)
    if (!answer || !waiting) return
    received = ''
    const { resolve } = waiting
    waiting = undefined
    resolve(answer)
  })
  return {
    send: (head, body) =>
      new Promise((resolve, reject) => {
        waiting = { resolve, reject }
        const length = body === undefined ? '' : `\r\nContent-Length: ${Buffer.byteLength(body)}`
        socket.write(`${head}${length}\r\n\r\n${body ?? ''}`)
      }),
    close: () => socket.destroy(),
  }
}

/** The whole answer, or undefined while some of it is missing. */
function parse(text) {
  const end = text.indexOf('\r\n\r\n')
  if (end === -1) return undefined
  const head = text.slice(0, end)
  const status = Number(head.slice(9, 12))
  const length = header(head, 'content-length')
  if (length !== undefined) {
    const body = text.slice(end + 4)
    return body.length < Number(length) ? undefined : { status, head, body }
  }
  if (header(head, 'transfer-encoding') !== 'chunked') return { status, head, body: '' }
  const body = dechunk(text, end + 4)
  return body === undefined ? undefined : { status, head, body }
}

function dechunk(text, from) {
  let body = ''
  for (let at = from; ; ) {
    const lineEnd = text.indexOf('\r\n', at)
    if (lineEnd === -1) return undefined
    const size = Number.parseInt(text.slice(at, lineEnd), 16)
    const next = lineEnd + 2 + size + 2
    if (text.length < next) return undefined
    if (size === 0) return body
    body += text.slice(lineEnd + 2, next - 2)
    at = next
  }
}

/** The value of a header, the first of that name; `name` in lower case. */
export function header(head, name) {
  return headers(head, name)[0]
}

/** All values of a header. */
export function headers(head, name) {
  const values = []
  for (let at = head.indexOf('\r\n'); at !== -1; ) {
    const next = head.indexOf('\r\n', at + 2)
    const colon = at + 2 + name.length
    if (head[colon] === ':' && head.slice(at + 2, colon).toLowerCase() === name)
      values.push(head.slice(colon + 1, next === -1 ? undefined : next).trim())
    at = next
  }
  return values
}
