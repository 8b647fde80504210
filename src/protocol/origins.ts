import { isRegisteredOrigin } from '../store/clients.ts'
import type { Tools } from './tools.ts'

/** Whether pages of this web origin may read answers of the token endpoint: it is the origin of a client. `null` is nobody's. */
export async function isClientOrigin(origin: string, tools: Tools): Promise<boolean> {
  return origin.length <= 300 && /^https?:\/\/[^/?#\s]+$/.test(origin) && isRegisteredOrigin(tools.db, origin)
}
