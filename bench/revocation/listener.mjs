// A process with some verifiers, which notes when each of them has moved to which position, and asks them about tokens.
import { AsyncLocalStorage } from 'node:async_hooks'
import http from 'node:http'
import { pathToFileURL } from 'node:url'
import { nowMs, reader } from './stage.mjs'

const ports = new AsyncLocalStorage()
const agent = http.Agent.prototype
const usual = agent.createConnection.bind(agent)
let isLooking = false
let lookingSince = 0
const verifiers = []

// The issuer is one address; each verifier goes to the instance that it is given. Whenever something arrives, its verifier is watched.
agent.createConnection = (options, callback) => {
  const socket = usual({ ...options, port: ports.getStore() }, callback)
  socket.on('data', look)
  return socket
}

/** Frames are applied soon after they arrive. Looking in every turn of the event loop for long would take the machine from the servers. */
const often = 3
const seldom = 50

function look() {
  lookingSince = performance.now()
  if (isLooking) return
  isLooking = true
  const again = () => {
    for (const one of verifiers) {
      const { cursor } = one.verifier.state()
      if (cursor === one.cursor) continue
      one.cursor = cursor
      one.moves.push([cursor, nowMs()])
    }
    const age = performance.now() - lookingSince
    if (age < often) setImmediate(again)
    else if (age < seldom) setTimeout(again, 1)
    else isLooking = false
  }
  again()
}

process.once('disconnect', () => process.exit(1))
async function answer(message) {
  if (message.type === 'start') {
    const { createVerifier } = await import(pathToFileURL(message.verifierModule).href)
    const { issuer } = message
    for (const port of message.ports) {
      const options = { issuer, audience: issuer, clientId: reader.id, clientSecret: reader.secret }
      const verifier = ports.run(port, () => createVerifier(options))
      verifiers.push({ verifier, port, cursor: 0, moves: [] })
    }
    await Promise.all(verifiers.map(({ verifier }) => verifier.ready()))
    process.send({ type: 'ready' })
  }
  // Every verifier about every token, or one of them.
  if (message.type === 'ask') {
    const answers = {}
    for (const [index, { verifier, port }] of verifiers.entries()) {
      for (const [number, token] of message.tokens.entries()) {
        if (message.isSample && number % verifiers.length !== index) continue
        const result = await ports.run(port, () => verifier.verify(token))
        const answer = result.ok ? 'accepted' : result.error
        answers[answer] = (answers[answer] ?? 0) + 1
      }
    }
    process.send({ type: 'asked', answers })
  }
  if (message.type === 'moves') process.send({ type: 'moved', moves: verifiers.map(({ moves }) => moves) })
}
process.on('message', (message) => void answer(message))
