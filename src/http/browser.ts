import type { FastifyRequest } from 'fastify'
import { reachableAcr } from '../login/sign-in.ts'
import type { Browser, TransactionKey } from '../protocol/authorize/authorize.ts'
import type { HttpTools } from './tools.ts'

/** What a request tells about the browser that sends it. */
export function browserOf(request: FastifyRequest, tools: HttpTools): Browser {
  const session = tools.cookies.readSession(request)
  return { ...(session ? { session } : {}), address: request.ip, reachableAcr }
}

/** The handle of a page, if this browser also has the cookie that belongs to it. */
export function transactionOf(
  request: FastifyRequest,
  handle: string | undefined,
  tools: HttpTools,
): TransactionKey | undefined {
  const binding = handle === undefined ? undefined : tools.cookies.readBinding(request, handle)
  return handle === undefined || binding === undefined ? undefined : { handle, binding }
}
