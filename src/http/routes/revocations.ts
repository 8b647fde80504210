import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { OAuthError } from '../../domain/oauth-error.ts'
import { type Parameters, parseParameters, refuseMalformed } from '../../domain/parameters.ts'
import { RateLimited } from '../../domain/rate-limited.ts'
import { authenticateConfidentialClient } from '../../protocol/client-auth/authenticate.ts'
import { requireFeedClient, requireFeedToken } from '../../protocol/feed/access.ts'
import { type Cursor, EpochChanged } from '../../protocol/feed/feed.ts'
import { eventOf, type SignedFrame } from '../../protocol/feed/frame.ts'
import { authorizationOf, bearerOf } from '../authorization.ts'
import { openEventStream } from '../event-stream.ts'
import { queryOf } from '../form.ts'
import type { HttpTools } from '../tools.ts'

const mostWaitSeconds = 30
/** A stream ends after about this long: whoever comes back shows its credentials again. */
const streamMs = 300_000

/** The revocation feed (docs/revocation-feed.md): snapshot, what came after, the stream, and acknowledgements. */
export function revocationRoutes(app: FastifyInstance, tools: HttpTools): void {
  const { feed } = tools
  const open = new Map<string, number>()

  app.get('/revocations/snapshot', async (request, reply) => {
    const clock = performance.now()
    await requireReader(request, tools)
    const { frame, epoch } = await feed.snapshot(verifierOf(request))
    const etag = `"${epoch}-${frame.to}"`
    reply.header('etag', etag).header('cache-control', 'private, max-age=1')
    if (request.headers['if-none-match'] === etag) return reply.status(304).send()
    return sendFrame(reply, clock, frame)
  })

  app.get('/revocations', async (request, reply) => {
    const clock = performance.now()
    reply.header('cache-control', 'no-store')
    await requireReader(request, tools)
    const parameters = refuseMalformed(queryOf(request))
    const waitMs = 1000 * wholeNumber('wait', parameters.get('wait') ?? '0', mostWaitSeconds)
    const cursor = cursorOf(request, parameters)
    return orNewEpoch(reply, async () => sendFrame(reply, clock, await feed.delta(cursor, waitMs, verifierOf(request))))
  })

  app.get('/revocations/stream', async (request, reply) => {
    const clock = performance.now()
    reply.header('cache-control', 'no-store')
    const reader = await requireReader(request, tools)
    const cursor = cursorOf(request, refuseMalformed(queryOf(request)))
    const verifier = verifierOf(request)
    const count = open.get(reader.id) ?? 0
    if (count >= feed.policy.mostConnections) throw new RateLimited(10)
    open.set(reader.id, count + 1)
    try {
      return await orNewEpoch(reply, () => stream(reply, clock, cursor, verifier))
    } finally {
      const left = (open.get(reader.id) ?? 1) - 1
      if (left > 0) open.set(reader.id, left)
      else open.delete(reader.id)
    }
  })

  /** Listens from here on. The answer begins with the first frame: until then there may be another one to give. */
  async function stream(reply: FastifyReply, clock: number, cursor: Cursor, verifier: string): Promise<FastifyReply> {
    let events: ReturnType<typeof openEventStream> | undefined
    const begin = () => {
      const hello = { in: feed.instance, clock, heartbeat_ms: feed.heartbeatMs }
      events = openEventStream(reply)
      void events.write(`event: hello\ndata: ${JSON.stringify(hello)}\n\n`)
      return events
    }
    const end = () => events?.end()
    const send = (frame: SignedFrame) => (events ?? begin()).write(eventOf(frame))
    const unsubscribe = await feed.subscribe(cursor, { verifier, send, end }).catch((error: unknown) => {
      if (!events) throw error
      // There is no other answer any more: whoever reads comes back, instead of waiting at a stream that nobody writes to.
      reply.log.warn({ err: error }, 'a stream of the feed ended before it was whole')
      end()
      return () => undefined
    })
    const timer = setTimeout(end, streamMs * (0.9 + Math.random() / 5))
    await events?.closed
    clearTimeout(timer)
    unsubscribe()
    return reply
  }

  function sendFrame(reply: FastifyReply, clock: number, { json, signature }: SignedFrame): FastifyReply {
    return reply
      .header('falconer-feed-signature', signature)
      .header('falconer-feed-clock', `${feed.instance} ${clock}`)
      .type('application/json; charset=utf-8')
      .send(json)
  }

  app.post('/revocations/ack', async (request, reply) => {
    reply.header('cache-control', 'no-store')
    await requireReader(request, tools)
    const position = (request.body as { position?: unknown } | null)?.position
    if (typeof position !== 'number' || !Number.isSafeInteger(position) || position < 0)
      throw new OAuthError('invalid_request', 'Send {"position": …}, a whole number')
    if (request.headers['falconer-verifier'] === undefined)
      throw new OAuthError('invalid_request', 'Falconer-Verifier is missing')
    feed.acknowledge(verifierOf(request), position)
    return reply.status(204).send()
  })
}

async function requireReader(request: FastifyRequest, tools: HttpTools): Promise<{ id: string }> {
  const bearer = bearerOf(request)
  if (bearer !== undefined) return requireFeedToken(bearer, tools)
  const credentials = { ...authorizationOf(request), parameters: parseParameters('') }
  return requireFeedClient(await authenticateConfidentialClient(credentials, request.ip, tools))
}

/** One that names itself nothing can be counted, but not asked. */
function verifierOf(request: FastifyRequest): string {
  const name = request.headers['falconer-verifier']
  if (name === undefined) return `unnamed ${request.id}`
  if (typeof name === 'string' && /^[\w-]{8,64}$/.test(name)) return name
  throw new OAuthError('invalid_request', 'Falconer-Verifier must be 8 to 64 characters of A–Z a–z 0–9 _ -')
}

function cursorOf(request: FastifyRequest, parameters: Parameters): Cursor {
  const epoch = parameters.get('epoch')
  if (epoch !== undefined && !/^[0-9a-f]{8}$/.test(epoch))
    throw new OAuthError('invalid_request', 'epoch must be that of a frame')
  const last = request.headers['last-event-id']
  const position = wholeNumber('after', typeof last === 'string' ? last : parameters.required('after'))
  return { position, ...(epoch === undefined ? {} : { epoch }) }
}

function wholeNumber(name: string, text: string, most = Number.MAX_SAFE_INTEGER): number {
  const number = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (!(number <= most)) throw new OAuthError('invalid_request', `${name} must be a whole number from 0 to ${most}`)
  return number
}

async function orNewEpoch(reply: FastifyReply, answer: () => Promise<FastifyReply>): Promise<FastifyReply> {
  try {
    return await answer()
  } catch (error) {
    if (!(error instanceof EpochChanged)) throw error
    const description = 'These positions are not those of now: take a new snapshot'
    return reply.status(409).send({ error: 'epoch_changed', error_description: description })
  }
}
