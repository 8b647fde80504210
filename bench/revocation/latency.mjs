import { fork } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { nowMs, onStage, quantiles, say, signIn, thousands } from './stage.mjs'

/** From the request, and from its 200, until each verifier obeys: sessions are ended one after the other, at the instances in turn. */
export function measureLatency(built, { instances, verifiers, processes, revocations, isShared }) {
  return onStage(built, instances, async (stage) => {
    const module = isShared ? shareSignatures(built, stage.folder) : path.join(built, 'verifier/index.js')
    say(`${verifiers} verifiers in ${processes} processes`)
    const listeners = Array.from({ length: processes }, (_, i) => {
      const own = Array.from({ length: verifiers }, (_, v) => v).filter((v) => v % processes === i)
      const child = fork(path.join(import.meta.dirname, 'listener.mjs'), [], {
        stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      })
      process.once('exit', () => child.kill('SIGKILL'))
      const ports = own.map((v) => stage.ports[v % stage.ports.length])
      child.send({ type: 'start', verifierModule: module, issuer: stage.issuer, ports })
      return child
    })
    const all = (type) => Promise.all(listeners.map((child) => next(child, type)))
    await all('ready')
    say(`${revocations} sessions are signed in`)
    const lives = await signIn(built, stage, revocations)
    const tokens = lives.map(({ token }) => token)
    const ask = async (isSample) => {
      const asked = all('asked')
      for (const child of listeners) child.send({ type: 'ask', tokens, isSample })
      return sum((await asked).map(({ answers }) => answers))
    }
    const before = await ask(true)
    say(`before: ${describe(before)}`)
    const endings = []
    for (const [i, { sid }] of lives.entries()) {
      const beganMs = nowMs()
      const instance = stage.urls[i % stage.urls.length]
      const { status, body } = await stage.admin.call(instance, 'POST', '/revocations', { session_id: sid })
      if (status !== 200) throw new Error(`an ending was refused: ${status} ${JSON.stringify(body)}`)
      endings.push({ beganMs, doneMs: nowMs(), position: Number(body.position) })
      // Each by itself: a crowd is what the chaos run is for.
      await sleep(isShared ? 150 : 60)
      if ((i + 1) % 100 === 0) say(`${i + 1} of ${revocations} ended`)
    }
    await sleep(2000)
    const after = await ask(isShared)
    const moved = all('moved')
    for (const child of listeners) child.send({ type: 'moves' })
    const moves = (await moved).flatMap((one) => one.moves)
    for (const child of listeners) child.kill('SIGKILL')
    const fromRequest = []
    const fromAnswer = []
    let missed = 0
    for (const own of moves) {
      for (const { beganMs, doneMs, position } of endings) {
        const move = own.find(([cursor]) => cursor >= position)
        if (!move) missed++
        else {
          fromRequest.push(move[1] - beganMs)
          fromAnswer.push(Math.max(0, move[1] - doneMs))
        }
      }
    }
    const how = isShared ? 'each frame signature verified once per process' : 'nothing switched off'
    console.log(`
${instances} instances × ${verifiers} verifiers in ${processes} processes, ${revocations} sessions ended one after the other, ${how}
  request → 200        ${quantiles(endings.map(({ beganMs, doneMs }) => doneMs - beganMs))}
  request → enforced   ${quantiles(fromRequest)}
  200 → enforced       ${quantiles(fromAnswer)}
  pairs                ${thousands(fromRequest.length + missed)}, missed ${missed}
  verify() afterwards  ${describe(after)}${isShared ? ' (a sample)' : ' (every pair)'}
  enforced is when state().cursor has passed the ending, looked at for 3 ms after something arrived, then every millisecond`)
    return missed === 0 && Object.keys(after).join() === 'revoked' && Object.keys(before).join() === 'accepted'
  })
}

const next = (child, type) =>
  new Promise((resolve, reject) => {
    const listen = (message) => {
      if (message.type !== type) return
      child.off('message', listen)
      resolve(message)
    }
    child.on('message', listen)
    child.once('exit', (code, signal) => reject(new Error(`a process of verifiers ended: ${code ?? signal}`)))
  })

function sum(all) {
  const total = {}
  for (const one of all) for (const [name, n] of Object.entries(one)) total[name] = (total[name] ?? 0) + n
  return total
}

const describe = (counts) =>
  Object.entries(counts)
    .map(([name, n]) => `${thousands(n)} ${name}`)
    .join(', ')

/** A copy of the verifier in which those of one process share their signature checks: hundreds on two cores would do nothing else. */
function shareSignatures(built, parent) {
  const folder = fs.mkdtempSync(path.join(parent, 'verifier-'))
  fs.cpSync(path.join(built, 'verifier'), folder, { recursive: true })
  fs.writeFileSync(path.join(folder, 'package.json'), '{"type":"module"}')
  fs.symlinkSync(path.resolve(import.meta.dirname, '../../node_modules'), path.join(folder, 'node_modules'))
  const file = path.join(folder, 'frame.js')
  const text = fs.readFileSync(file, 'utf8')
  const from = 'export async function readFrame('
  if (!text.includes(from)) throw new Error('frame.js has no readFrame: this was written for another version')
  const shared = `const known = new Map();
export function readFrame(text, signature, issuer, keys) {
    const one = known.get(signature) ?? readFrameAlone(text, signature, issuer, keys);
    if (known.size > 100) known.clear();
    known.set(signature, one);
    return one;
}
async function readFrameAlone(`
  fs.writeFileSync(
    file,
    text.replace(from, () => shared),
  )
  return path.join(folder, 'index.js')
}

export const machine = () =>
  `${os.cpus().length} × ${os.cpus()[0]?.model ?? '?'}, Node ${process.versions.node}, load ${os.loadavg()[0]?.toFixed(1)}`
