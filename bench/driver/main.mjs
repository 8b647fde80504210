// The driver's process: keeps the states of each server between rounds, so that nothing but a few numbers travels.
import { flows } from '../flows/index.mjs'
import { load } from './load.mjs'
import { Queue } from './queue.mjs'

const queues = new Map()

const commands = {
  fill: ({ key, states, append }) => {
    const queue = append ? queues.get(key) : undefined
    if (queue) for (const state of states) queue.push(state)
    else queues.set(key, new Queue(states))
    return { states: queues.get(key).length }
  },
  run: async ({ key, flow, ...run }) => {
    const states = queues.get(key)
    const result = await load({ ...run, flow: flows[flow], states })
    return { ...result, states: states.length }
  },
  forget: ({ key }) => queues.delete(key),
}

async function obey({ id, command, ...parameters }) {
  try {
    process.send({ id, result: await commands[command](parameters) })
  } catch (error) {
    process.send({ id, error: error.stack ?? String(error) })
  }
}

process.on('message', (message) => void obey(message))
// Nobody is left to report to.
process.on('disconnect', () => process.exit())
