import type { Trouble } from '../report.ts'
import { Layout } from './layout.tsx'

/** The page for what went wrong: in words first, the code for developers below. */
export function TroublePage({ trouble, issuer }: { trouble: Trouble; issuer: string }) {
  return (
    <Layout title={trouble.title} issuer={issuer}>
      <section class="card narrow">
        <h1>{trouble.title}</h1>
        <p class="verdict refused" id="error" role="alert">
          {trouble.says}
        </p>
        {trouble.code !== undefined && (
          <p class="hint">
            Code <code>{trouble.code}</code>
          </p>
        )}
        <a class="button primary" href="/">
          Back to the start
        </a>
      </section>
    </Layout>
  )
}
