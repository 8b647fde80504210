import { type Frame, nothing } from './state.ts'

const fields = ['epoch', 'from', 'to', 'readAt', 'instance', 'entries', 'asof'] as const

/** On the way frames have no order: kept sorted, so that two states that differ in nothing else are one. */
export const frameOrder = (a: Frame, b: Frame): number => {
  for (const field of fields) if (a[field] !== b[field]) return a[field] - b[field]
  return 0
}

export const nameOf = ({ from, to, readAt, epoch }: Frame): string =>
  `(${from}–${to}]${readAt === nothing ? ' with more to come' : ` read at ${readAt}`}${epoch === 0 ? '' : ` of epoch ${epoch}`}`
