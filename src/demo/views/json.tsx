import { describeInstant } from './time.ts'

const instants = new Set(['iat', 'exp', 'auth_time', 'nbf', 'updated_at'])
const meanings: Record<string, string> = {
  sid: 'your session at the issuer',
  gid: 'what you granted this app',
  jti: 'this one token',
  rvp: 'position in the revocation feed',
  kid: 'the key that signed it',
  sub: 'you',
  nonce: 'ties it to this login',
  at_hash: 'ties it to the access token',
}

export interface JsonProps {
  value: unknown
  /** Says when and what for the claims of a token; seconds. */
  now?: number
}

/** JSON as people like to read it: a line per member, names and texts told apart, instants in words. */
export function Json({ value, now }: JsonProps) {
  if (typeof value === 'string') return <pre class="json">{value === '' ? '(no body)' : value}</pre>
  return (
    <pre class="json">
      {linesOf(value).map((line) => (
        <Line text={line} note={now === undefined ? undefined : noteOn(line, now)} />
      ))}
    </pre>
  )
}

/** A line per member; lists of plain values stay on theirs. No text has a line break of its own in JSON. */
function linesOf(value: unknown): string[] {
  return JSON.stringify(value, null, 2)
    .replace(/\[\n\s+([^[\]{}]*?)\n\s+\]/g, (_, items: string) => `[${items.replace(/\n\s+/g, ' ')}]`)
    .split('\n')
}

function Line({ text, note }: { text: string; note: string | undefined }) {
  const [, indent = '', name, value = ''] = /^(\s*)("(?:[^"\\]|\\.)*"): (.*)$/.exec(text) ?? []
  return (
    <span class="line">
      {name === undefined ? (
        text
      ) : (
        <>
          {indent}
          <span class="name">{name}</span>: <span class={value.startsWith('"') ? 'text' : 'value'}>{value}</span>
        </>
      )}
      {note !== undefined && <span class="note">{note}</span>}
    </span>
  )
}

function noteOn(line: string, now: number): string | undefined {
  const [, name = '', value = ''] = /^ {2}"(\w+)": (.*?),?$/.exec(line) ?? []
  if (instants.has(name) && /^\d+$/.test(value)) return describeInstant(Number(value), now)
  return Object.hasOwn(meanings, name) ? meanings[name] : undefined
}
