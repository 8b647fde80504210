import { readClock as read } from '../store/not-before.ts'
import type { Tools } from './tools.ts'

/** Seconds by the clock of the database; throws when it does not answer. */
export const readClock = (tools: Tools): Promise<number> => read(tools.db)
