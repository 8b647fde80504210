import type { Actor } from './ending.ts'

/** One thing that happened, for those who must be able to read it later. Never holds a secret. */
export interface AuditEvent {
  /** Noun and past participle: `client.created`, `login.failed`. */
  readonly type: string
  readonly actor: Actor
  readonly outcome?: 'success' | 'failure'
  readonly targetKind?: string
  readonly targetId?: string
  readonly userId?: string
  readonly clientId?: string
  readonly reason?: string
  readonly detail?: Readonly<Record<string, unknown>>
}
