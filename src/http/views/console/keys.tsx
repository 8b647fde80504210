import type { readKeys } from '../../../admin/keys.ts'
import { Ways } from './ask.tsx'
import { Badge } from './facts.tsx'
import { ExactInstant } from './instant.tsx'
import { Table } from './table.tsx'
import { words } from './words.ts'

type Key = Awaited<ReturnType<typeof readKeys>>['items'][number]

const say = words.keys

/** The signing keys: which one signs, which one follows, and which ones only verify. */
export function KeyList({ keys, mayChange }: { keys: readonly Key[]; mayChange: boolean }) {
  return (
    <>
      <Ways to={[[say.rotate, '/admin/keys/rotate', mayChange]]} />
      <Table
        caption={say.list}
        empty={say.none}
        rows={keys}
        columns={[
          { name: 'Key', value: ({ kid }) => <code>{kid}</code> },
          { name: 'Algorithm', value: ({ alg }) => alg },
          { name: 'State', value: ({ state }) => <Badge tone={state === 'active' ? 'good' : 'plain'}>{state}</Badge> },
          { name: 'Signs from', value: ({ activate_at: at }) => <ExactInstant at={at} /> },
          { name: 'Until', value: ({ retire_at: at }) => <ExactInstant at={at} /> },
          {
            name: 'If it was stolen',
            value: ({ kid, state }) =>
              mayChange && state !== 'removed' ? (
                <a href={`/admin/revoke/preview?${new URLSearchParams({ kid })}`}>{say.compromised}</a>
              ) : (
                '–'
              ),
          },
        ]}
      />
    </>
  )
}
