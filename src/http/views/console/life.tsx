import type { explainGrant, explainSession } from '../../../admin/explain.ts'
import { Badge } from './facts.tsx'
import { ExactInstant, Instant } from './instant.tsx'
import { Table } from './table.tsx'
import { words } from './words.ts'

export type Explained = Awaited<ReturnType<typeof explainSession>> | Awaited<ReturnType<typeof explainGrant>>

/** Why something is over, or what will end it: the sentence, and what it was made from. */
export function Life({ of: explained, now }: { of: Explained; now: Date }) {
  const { explanation: say } = words
  return (
    <section aria-labelledby="why">
      <h2 id="why">{explained.alive ? say.alive : say.over}</h2>
      <p id="summary" class={`notice notice-${explained.alive ? 'calm' : 'caution'}`}>
        {explained.summary}
      </p>
      {explained.also.length > 0 && (
        <>
          <p>{say.also}</p>
          <ul>
            {explained.also.map(({ reason, since }) => (
              <li>
                <code>{reason}</code> <ExactInstant at={since} />
              </li>
            ))}
          </ul>
        </>
      )}
      <Table
        caption={say.deadlines}
        empty=""
        rows={explained.deadlines}
        columns={[
          { name: say.deadline, value: ({ name, decides }) => <Named name={say.names[name]} decides={decides} /> },
          { name: say.at, value: ({ at }) => <ExactInstant at={at} /> },
          { name: say.when, value: ({ at }) => <Instant at={at} now={now} /> },
          { name: say.setBy, value: ({ set_by: by, setting }) => (setting === null ? by : <code>{setting}</code>) },
        ]}
      />
    </section>
  )
}

const Named = ({ name, decides }: { name: string; decides: boolean }) => (
  <>
    {name} {decides && <Badge tone="plain">{words.explanation.decides}</Badge>}
  </>
)
