// Eight uses of one refresh token at once. RFC 9700 §4.14.2 wants one of them to rotate it; how many different successors come out?
import { connect } from './driver/http-client.mjs'
import { formHead } from './flows/check.mjs'

const uses = 8

/**
 * @returns how many rounds ended with how many different successors, and the fewest and most uses that were answered with tokens
 */
export async function race(contestant, rounds) {
  try {
    await contestant.start()
    const { target, seeds } = contestant
    const tokens = await seeds.refresh(rounds)
    const head = formHead(target, target.paths.token, target.client)
    const connections = await Promise.all(
      Array.from({ length: uses }, (_, i) => connect(target.ports[i % target.ports.length])),
    )
    const successors = {}
    const answered = []
    for (const token of tokens) {
      const form = `grant_type=refresh_token&refresh_token=${token}`
      const answers = await Promise.all(connections.map(({ send }) => send(head, form)))
      const won = answers.filter(({ status }) => status === 200).map(({ body }) => JSON.parse(body).refresh_token)
      const distinct = new Set(won).size
      successors[distinct] = (successors[distinct] ?? 0) + 1
      answered.push(won.length)
    }
    for (const connection of connections) connection.close()
    return { name: contestant.name, rounds, successors, answered: [Math.min(...answered), Math.max(...answered)] }
  } finally {
    await contestant.stop()
  }
}
