import { ExactInstant } from './instant.tsx'

/** What is shown once: a secret, or a link with one in it. */
export function Once({
  lead,
  until,
  secret,
  back,
}: {
  lead: string
  until: string
  secret: string
  back: readonly [string, string]
}) {
  const [label, href] = back
  return (
    <>
      <p class="notice notice-caution">
        {lead} <ExactInstant at={until} />.
      </p>
      <p>
        <code id="secret" class="block">
          {secret}
        </code>
      </p>
      <p>
        <a href={href}>{label}</a>
      </p>
    </>
  )
}
