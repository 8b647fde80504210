import type { ComponentChildren } from 'preact'

/** What the notice says and how it looks: something failed, or something to know. */
export interface NoticeProps {
  title?: string
  tone: 'danger' | 'caution'
  children: ComponentChildren
}

/** The error summary at the top of a page; one per page, since its id is `error`. */
export function Notice({ title, tone, children }: NoticeProps) {
  return (
    <div id="error" class={`notice notice-${tone}`} role="alert">
      {title !== undefined && <strong class="notice-title">{title}</strong>}
      {children}
    </div>
  )
}
