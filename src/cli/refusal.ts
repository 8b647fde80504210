import { type CommandDefinition, optionsOf } from './definition.ts'
import type { Answer } from './http.ts'
import { plain } from './terminal.ts'

/** A refusal of the admin API: its problem document (RFC 9457). */
export class Refused extends Error {
  override readonly name = 'Refused'
  readonly status: number
  readonly problem: Readonly<Record<string, unknown>>
  readonly asked: { readonly scope: string; readonly clientId: string }
  readonly retryAfter: string | undefined

  constructor({ status, body, headers }: Answer, asked: Refused['asked']) {
    const problem = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>
    super(`${status} ${typeof problem['detail'] === 'string' ? problem['detail'] : ''}`)
    this.status = status
    this.problem = problem
    this.asked = asked
    this.retryAfter = headers.get('retry-after') ?? undefined
  }
}

/** A refusal in words of the command that was typed. */
export function explainRefusal(refused: Refused, definition: CommandDefinition): string {
  const { status, problem, asked } = refused
  const detail = plain(typeof problem['detail'] === 'string' ? problem['detail'] : `The server answers ${status}`)
  if (status === 403) return explainForbidden(refused, detail)
  if (status === 412) return 'It was changed meanwhile, by somebody else. Look at it again, and repeat.'
  if (status === 429 || status === 503) {
    const when = refused.retryAfter === undefined ? 'in a moment' : `in ${refused.retryAfter} seconds`
    return `The server cannot answer now. Try again ${when}.`
  }
  if (status >= 500) return `${detail}. (request_id ${String(problem['request_id'])})`
  if (status === 401) return `The server does not accept the token of ${asked.clientId}: ${detail}.`
  const { pointer } = problem
  return typeof pointer === 'string' ? withOption(pointer, detail, definition) : `${detail}.`
}

function explainForbidden({ asked, problem }: Refused, detail: string): string {
  const { scope, clientId } = asked
  const wanted = /^The scope (\S+) is needed$/.exec(detail)?.[1]
  if (wanted === undefined && problem['type'] !== undefined) return `${detail}.`
  return `This needs the scope ${wanted ?? scope}. ${howToAllow(clientId, wanted ?? scope)}`
}

/** What an administrator has to type so that a client gets scopes that it lacks. */
export const howToAllow = (clientId: string, scope: string): string =>
  `Somebody who may can give it:\n  falconer clients update ${clientId}${scope.replaceAll(/(^| )/g, ' --add-scope ')}`

/** The option or argument that set what the pointer leads to, in place of the member's own name. */
function withOption(pointer: string, detail: string, definition: CommandDefinition): string {
  const steps = pointer
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
  const [member, index] = steps
  const dotted = steps.join('.')
  const rest = detail.startsWith(`${dotted} `) ? detail.slice(dotted.length + 1) : undefined
  const typed = member === undefined ? undefined : typedAs(member, definition)
  if (typed === undefined || rest === undefined) return `${detail}.`
  const which = index !== undefined && /^\d+$/.test(index) && Number(index) > 0 ? ` (number ${Number(index) + 1})` : ''
  return `${typed}${which} ${rest}.`
}

function typedAs(member: string, definition: CommandDefinition): string | undefined {
  const argument = definition.arguments?.find((each) => each.member === member)
  if (argument) return `<${argument.name}>`
  const option = Object.entries(optionsOf(definition)).find(([, each]) => each.member === member)
  return option && `--${option[0]}`
}
