import type { Activity } from '../../../admin/activity.ts'
import { Chart } from './chart.tsx'
import { EventTable, type EventTableProps } from './events.tsx'
import { words } from './words.ts'

/** The first page: how many are signed in, how many have come in a day, and what happened last. */
export function Overview({ activity, ...latest }: { activity: Activity } & EventTableProps) {
  const { signIns, sessions } = activity
  const say = words.overview
  const sum = (count: (hour: NonNullable<typeof signIns>[number]) => number) =>
    signIns?.reduce((total, hour) => total + count(hour), 0)
  return (
    <>
      <dl class="figures">
        <Figure id="living" name={say.live} value={sessions?.at(-1)?.alive} />
        <Figure id="sign-ins" name={say.signIns} value={sum(({ succeeded, failed }) => succeeded + failed)} />
        <Figure id="refused" name={say.failed} value={sum(({ failed }) => failed)} />
      </dl>
      <div class="charts">
        {sessions ? (
          <Chart
            id="sessions-chart"
            title={say.liveChart}
            series={[say.live]}
            points={sessions.map(({ hour, alive }) => ({ hour, values: [alive] }))}
            shape="line"
          />
        ) : (
          <p class="nothing">{say.tooMany}</p>
        )}
        {signIns ? (
          <Chart
            id="sign-ins-chart"
            title={say.signInChart}
            series={[say.succeeded, say.refused]}
            points={signIns.map(({ hour, succeeded, failed }) => ({ hour, values: [succeeded, failed] }))}
            shape="bars"
          />
        ) : (
          <p class="nothing">{say.tooMany}</p>
        )}
      </div>
      <h2>{say.latest}</h2>
      <EventTable {...latest} />
      <p>
        <a href="/admin/audit">{say.allEvents}</a>
      </p>
    </>
  )
}

const Figure = ({ id, name, value }: { id: string; name: string; value: number | undefined }) => (
  <div>
    <dt>{name}</dt>
    <dd id={id}>{value === undefined ? words.overview.unknown : value.toLocaleString('en')}</dd>
  </div>
)
