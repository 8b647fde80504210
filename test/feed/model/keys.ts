import {
  type Database,
  type Frame,
  type History,
  type Instance,
  type Scene,
  type State,
  type Verifier,
  type Writer,
} from './state.ts'

/** Short texts, one for each state: a character for each number in it. States in which two verifiers have changed places are one. */
export function createKeys({ verifiers: count }: Scene): (state: State) => string {
  const codes: number[] = []
  const textOf = (write: () => void): string => {
    codes.length = 0
    write()
    // `nothing` is -1.
    for (let at = 0; at < codes.length; at++) codes[at]!++
    return String.fromCharCode(...codes)
  }

  const writeDatabase = (d: Database): void => {
    codes.push(
      d.now,
      d.head,
      d.base,
      d.epoch,
      d.lineage,
      d.timeline,
      d.space,
      d.entries,
      d.contains,
      d.lockedBy,
      d.drawn,
    )
    codes.push(d.epochs, d.incarnations, d.failovers, d.replacements, d.instanceRestarts, d.verifierRestarts, d.losses)
  }
  const writeHistory = ({ endings, snapshots }: History): void => {
    codes.push(endings.length, snapshots.length)
    for (const e of endings) codes.push(e.position, e.space, e.timeline, e.begunAt, e.committedAt, Number(e.isLost))
    for (const s of snapshots) codes.push(s.head, s.base, s.epoch, s.lineage, s.space, s.contains, s.timeline)
  }
  const writeWriter = ({ phase, begunAt, position }: Writer): void => {
    codes.push(phase === 'idle' ? 0 : phase === 'begun' ? 1 : 2, begunAt, position)
  }
  const writeInstance = (i: Instance): void => {
    codes.push(i.id, i.epoch, i.position, i.log, i.readAt, i.published, Number(i.isDue))
  }
  const writeFrame = (f: Frame): void => {
    codes.push(f.instance, f.epoch, f.from, f.to, f.entries, f.readAt, f.asof)
  }
  const writeVerifier = (v: Verifier, index: number, instances: readonly Instance[]): void => {
    codes.push(v.epoch, v.cursor, v.set, v.freshAt, v.asof, v.instance, v.connectedAt, v.error, v.onTheWay.length)
    for (const frame of v.onTheWay) writeFrame(frame)
    codes.push(v.applying ? 1 : 0)
    if (v.applying) writeFrame(v.applying)
    for (const { sentTo } of instances) codes.push(sentTo[index]!)
  }

  return ({ database, history, writers, instances, verifiers }) => {
    const shared = textOf(() => {
      writeDatabase(database)
      writeHistory(history)
      for (const writer of writers) writeWriter(writer)
      for (const instance of instances) writeInstance(instance)
    })
    const own = verifiers.map((verifier, index) => textOf(() => writeVerifier(verifier, index, instances)))
    if (count > 1) own.sort()
    return shared + own.join('')
  }
}
