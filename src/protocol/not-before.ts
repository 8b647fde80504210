import { readNotBefore } from '../store/not-before.ts'
import type { Tools } from './tools.ts'

/** The document for services that only compare `iat`: a token is dead when its `iat` is smaller than the greatest value that applies. */
export interface NotBefore {
  readonly server: number
  readonly clients?: Readonly<Record<string, number>>
  readonly position: number
}

/** Reads the lines that were drawn. Lines of clients are told only to those who may know which clients there are. */
export async function notBefore(withClients: boolean, tools: Tools): Promise<NotBefore> {
  const { server, clients, position } = await readNotBefore(tools.db, withClients)
  return { server, ...(withClients ? { clients } : {}), position }
}
