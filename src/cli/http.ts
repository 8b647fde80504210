import { Failure } from './command.ts'

/** What came back, with its JSON if that is what it was. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly body: unknown
}

const patienceMs = 30_000

/** One request. @throws {Failure} that says what to do when there is no answer */
export async function request(
  url: string,
  init: RequestInit,
  { signal, waitSeconds = 0 }: { signal: AbortSignal; waitSeconds?: number },
): Promise<Answer> {
  const patience = AbortSignal.timeout(patienceMs + waitSeconds * 1000)
  try {
    const response = await fetch(url, { redirect: 'error', ...init, signal: AbortSignal.any([signal, patience]) })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: parsed(text) }
  } catch (error) {
    if (signal.aborted) throw error
    throw new Failure(explain(error, new URL(url).origin, patience.aborted))
  }
}

function parsed(text: string): unknown {
  try {
    return text === '' ? undefined : JSON.parse(text)
  } catch {
    return undefined
  }
}

const untrusted = /SELF_SIGNED|UNABLE_TO_(VERIFY|GET_ISSUER)|CERT_/

function explain(error: unknown, origin: string, isLate: boolean): string {
  if (isLate) return `${origin} does not answer. Is the server, and what stands before it, well?`
  if (error instanceof Error && error.cause instanceof Error && error.cause.message.includes('redirect'))
    return `${origin} answers with a redirect: FALCONER_URL must be the issuer itself.`
  const code = codeOf(error)
  if (code === 'ECONNREFUSED')
    return `No server answers at ${origin}. Start it (npm start, or falconer serve), or correct FALCONER_URL.`
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `The host of ${origin} is not known. Correct FALCONER_URL, or look at the network.`
  if (untrusted.test(code))
    return `The certificate of ${origin} is not trusted (${code}). NODE_EXTRA_CA_CERTS names a file with the authority that signed it.`
  return `${origin} cannot be asked${code === '' ? '' : ` (${code})`}. Is FALCONER_URL right, and can this machine reach it?`
}

/** Several addresses of one host fail together. */
function codeOf(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const inner: unknown = cause instanceof AggregateError ? cause.errors[0] : cause
  const { code } = (inner ?? {}) as { code?: unknown }
  return typeof code === 'string' ? code : ''
}
