import { safeHref } from './safe-href.ts'

/** What an application says of itself; every value comes from outside. */
export interface ClientBadgeProps {
  clientName: string
  clientUri?: string | undefined
  logoUri?: string | undefined
}

/** The application that a person deals with: its logo or first letter, its name, and the host of its home page. */
export function ClientBadge({ clientName, clientUri, logoUri }: ClientBadgeProps) {
  const logo = safeHref(logoUri)
  const home = safeHref(clientUri)
  return (
    <div class="client">
      <span class={logo === undefined ? 'client-tile' : 'client-tile client-logo'} aria-hidden="true">
        {logo === undefined ? firstLetter(clientName) : <img src={logo} alt="" referrerpolicy="no-referrer" />}
      </span>
      <span class="client-words">
        <bdi class="client-name">{clientName}</bdi>
        {home !== undefined && (
          <a class="client-host" href={home} rel="noopener noreferrer">
            {new URL(home).host}
          </a>
        )}
      </span>
    </div>
  )
}

function firstLetter(name: string): string {
  return (/[\p{L}\p{N}]/u.exec(name)?.[0] ?? '?').toUpperCase()
}
