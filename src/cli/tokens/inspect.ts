import type { Document } from '../../domain/field.ts'
import { say } from '../columns.ts'
import { Failure } from '../command.ts'
import { tell } from '../commands/explain.ts'
import type { Context, Handler } from '../definition.ts'
import { readAll } from '../prompt.ts'
import { describeClaims } from './claims.ts'
import { type Recognized, recognize } from './kinds.ts'
import { checkAccessToken, checkGrant, type LivenessCheck } from './liveness.ts'
import { checkSignature, type SignatureCheck } from './signature.ts'

export const inspect: Handler = async (context) => {
  const [given = ''] = context.args
  const text = (given === '-' ? await readAll(context.terminal.input) : given).trim().replace(/^Bearer +/i, '')
  const found = recognize(text)
  if ('claims' in found) return inspectJwt(context, text, found)
  if (found.kind === 'refresh_token') return inspectRefreshToken(context, found)
  if (found.kind === 'authorization_code' || found.kind === 'client_secret') return tellSecret(context, found.kind)
  await (context.terminal.isJson && context.terminal.json({ kind: found.kind }))
  throw new Failure(
    found.kind === 'damaged'
      ? `This begins like a ${found.what}, but its checksum does not fit: it is cut off or mistyped.`
      : 'This is no token and no secret of this server.',
  )
}

async function inspectJwt(
  context: Context,
  text: string,
  found: Extract<Recognized, { claims: Document }>,
): Promise<void> {
  const { terminal } = context
  const { kind, header, claims } = found
  const checked = await checkSignature(context, text, claims)
  const isExpired = typeof claims['exp'] === 'number' && claims['exp'] * 1000 <= Date.now()
  const mayAsk = kind === 'access_token' && checked.signature === 'good' && !isExpired
  const liveness = mayAsk ? await checkAccessToken(context, text, claims) : undefined
  if (terminal.isJson) {
    const alive = isExpired || checked.signature === 'bad' ? false : (liveness?.alive ?? null)
    await terminal.json({ kind, signature: checked.signature, expired: isExpired, alive, header, claims })
  } else await tellJwt(context, found, checked, liveness)
  if (checked.signature === 'bad') throw new Failure('It has no good signature of this server.')
}

const kindNames = { access_token: 'Access token', id_token: 'ID token', jwt: 'A JWT that is neither' } as const

async function tellJwt(
  { terminal }: Context,
  { kind, header, claims }: Extract<Recognized, { claims: Document }>,
  { signature, says }: SignatureCheck,
  liveness: LivenessCheck | undefined,
): Promise<void> {
  const { style } = terminal
  const form = `${say(header['typ'] ?? 'JWT')}, ${say(header['alg'])}, key ${say(header['kid'])}`
  const paint = { good: style.green, bad: style.red, not_checked: style.yellow }[signature]
  const rows: [string, string][] = [['signature', paint(says)], ...describeClaims(claims)]
  if (liveness) rows.push(['revoked', liveness.says])
  await terminal.print(`${style.bold(kindNames[kind])} (${form})`)
  await printRows(terminal, rows)
  if (liveness?.alive === false && liveness.explained) await tell(terminal, liveness.explained)
}

async function inspectRefreshToken(
  context: Context,
  found: Extract<Recognized, { kind: 'refresh_token' }>,
): Promise<void> {
  const { terminal } = context
  const { keyId, grantId, generation } = found
  const liveness = await checkGrant(context, grantId)
  if (terminal.isJson)
    return terminal.json({ kind: found.kind, key_id: keyId, gid: grantId, generation, alive: liveness.alive })
  await terminal.print(terminal.style.bold('Refresh token'))
  await printRows(terminal, [
    ['key', `${keyId}, of the master key that authenticates it; only the server can check that`],
    ['grant', grantId],
    [
      'generation',
      `${generation}: refreshed so many times; an older one than the grant has now ends the grant when it is used`,
    ],
    ['revoked', liveness.says],
  ])
  if (liveness.explained) await tell(terminal, liveness.explained)
}

async function tellSecret({ terminal }: Context, kind: 'authorization_code' | 'client_secret'): Promise<void> {
  if (terminal.isJson) return terminal.json({ kind })
  await terminal.print(
    kind === 'client_secret'
      ? 'A client secret. Nothing in it says of which client; the server keeps only its hash. If others may have seen it: falconer clients rotate-secret.'
      : 'An authorization code: good once, for a minute or less, for the client that began the log-in.',
  )
}

async function printRows(terminal: Context['terminal'], rows: readonly (readonly [string, string])[]): Promise<void> {
  const width = Math.max(...rows.map(([name]) => name.length))
  for (const [name, value] of rows) await terminal.print(`  ${terminal.style.dim(name.padEnd(width))}  ${value}`)
}
