import type { ComponentChildren } from 'preact'
import { HiddenFields } from '../hidden-fields.tsx'
import { words } from './words.ts'

interface AskProps {
  /** What would happen. */
  lead?: string
  /** Where the answer goes. */
  action: string
  csrf: string
  /** What the button says: the act itself, in a verb. */
  act: string
  /** Where to go without doing it. */
  back: string
  isDangerous?: boolean
  fields?: Record<string, string | undefined>
  children?: ComponentChildren
}

/** The form by which something is done or left. */
export function Ask({ lead, action, csrf, act, back, isDangerous = false, fields = {}, children }: AskProps) {
  return (
    <form class="ask" method="post" action={action}>
      <HiddenFields fields={{ csrf, ...fields }} />
      {lead !== undefined && <p class="lead">{lead}</p>}
      {children}
      <div class="acts">
        <button id="act" class={`button ${isDangerous ? 'danger' : 'primary'}`} type="submit">
          {act}
        </button>
        <a class="button secondary" href={back}>
          {words.leave}
        </a>
      </div>
    </form>
  )
}

/** Ways to do something with what the page shows: each leads to a page that asks first. */
export function Ways({ to }: { to: readonly (readonly [label: string, href: string, isAllowed: boolean])[] }) {
  const allowed = to.filter(([, , isAllowed]) => isAllowed)
  if (allowed.length === 0) return null
  return (
    <p class="ways">
      {allowed.map(([label, href]) => (
        <a class="button secondary" href={href}>
          {label}
        </a>
      ))}
    </p>
  )
}
