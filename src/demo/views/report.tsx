import type { Exchange } from '../exchange.ts'
import type { Report } from '../report.ts'
import { Json } from './json.tsx'

/** What the last button did: the verdict, then every request with its answer. */
export function ReportView({ report }: { report: Report }) {
  return (
    <section class="card report" id="report" aria-label="What just happened">
      <p class={`verdict ${report.tone}`} role="status">
        <strong>{report.title}</strong>
        {report.says}
      </p>
      {report.exchanges.map((exchange) => (
        <ExchangeView exchange={exchange} />
      ))}
    </section>
  )
}

function ExchangeView({ exchange }: { exchange: Exchange }) {
  const { method, url, sent, status, challenge, body, ms } = exchange
  const { host, pathname } = new URL(url)
  return (
    <article class="exchange">
      <h3>
        <span class="request">
          <b>{method}</b> {pathname} <span class="host">{host}</span>
        </span>
        <span class={`status ${status < 400 ? 'good' : 'refused'}`}>{status}</span>
        <span class="ms">{ms} ms</span>
      </h3>
      {sent.length > 0 && (
        <dl>
          {sent.map(([name, value]) => (
            <div>
              <dt>{name}</dt>
              <dd>{value}</dd>
            </div>
          ))}
        </dl>
      )}
      {challenge !== null && <p class="challenge">WWW-Authenticate: {challenge}</p>}
      <Json value={body} />
    </article>
  )
}
