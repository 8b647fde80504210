import type { ComponentChildren } from 'preact'
import { words } from './words.ts'

/** What is known about one thing. What is not known (null, undefined, false, empty) is left out. */
export function Facts({ of }: { of: Readonly<Record<string, ComponentChildren>> }) {
  const known = Object.entries(of).filter(
    ([, value]) => value !== null && value !== undefined && value !== false && value !== '',
  )
  return (
    <dl class="facts">
      {known.map(([name, value]) => (
        <div>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}

/** A word in a pill; the tone says whether all is well. */
export function Badge({ tone, children }: { tone: 'good' | 'bad' | 'plain'; children: ComponentChildren }) {
  return <span class={`badge badge-${tone}`}>{children}</span>
}

/** Whether a user or a client may be used. */
export const State = ({ isDisabled }: { isDisabled: boolean }) => (
  <Badge tone={isDisabled ? 'bad' : 'good'}>{isDisabled ? words.disabled : words.active}</Badge>
)

/** A value of a document as a line of text. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return value.join(', ')
  return typeof value === 'string' ? value : JSON.stringify(value)
}

/** An id, with the way to what it names. */
export function Id({ of, href }: { of: string; href?: string }) {
  const code = <code>{of}</code>
  return href === undefined ? code : <a href={href}>{code}</a>
}
