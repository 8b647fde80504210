// docs/performance.md: what was measured, on what, and what was done on each side.
import { writeRegion } from '../scale/region.mjs'
import { databaseRows, disturbanceText, raceRows, stageRows, targetRows, titleOf } from './table.mjs'

/** Writes the region of this bench into the document; other regions stay as they are. */
export function writePerformance(file, report) {
  writeRegion(file, 'bench', toMarkdown(report), 'Performance')
}

function toMarkdown(report) {
  const { facts, rounds, seconds } = report
  return `## Beside oidc-provider, ${facts.date}

\`npm run bench\` starts a PostgreSQL of its own, Falconer, oidc-provider and a floor server, loads one of them at a time, and prints what follows;
\`npm run bench -- --write\` writes it here. Requests per second depend on the machine; compare ratios within one run.

${facts.cpu}, ${facts.memoryGiB} GiB, ${facts.system}; Node ${facts.node}, PostgreSQL ${facts.postgres}; oidc-provider ${facts.oidcProvider}.
Medians of ${rounds} rounds of ${seconds} s, which alternate between the servers. ${disturbanceText(report)}

### Targets

"Commit" is what has to hold, "stretch" is what the floor says is there. "Prepared" is oidc-provider with prepared statements.

${report.runs > 1 ? `A figure is the median of ${report.runs} runs, whose own stand beside it. All other tables are of the last run.\n\n` : ''}${markdownTable(targetRows(report))}

Start is the median of all starts of this run, memory that of one process.

### What is compared

- One machine holds the driver, PostgreSQL and the server. PostgreSQL is as it comes: fsync, synchronous_commit and full_page_writes on, with
  pg_stat_statements loaded; it is reached through its Unix socket, by pools of 10 connections.
- Falconer is \`node dist/packed/main.js\` with NODE_ENV=production, behind a pretended proxy, with audit, metrics and rate limits on and its log (level info,
  which tells of every answer but those of discovery and JWKS) in a file. Its grants hang on sessions, of which a refresh is a use.
- oidc-provider keeps everything in one table of JSON documents. Its clients stand in memory, it logs nothing, limits nothing and audits nothing,
  its grants hang on no session, and a user is read only for a login and for userinfo. "Plain" sends its statements as text, "prepared" prepares them.
- The floor is a Fastify server with the refresh flow and nothing else: one \`UPDATE\` for all that wait, one signature. It logs nothing.
- Access tokens and ID tokens are ES256 on all sides. A refresh answers with no ID token, a code exchange with one. Introspection is of a JWT at Falconer
  and of an opaque token at oidc-provider, which refuses JWTs. A login is the authorization request, the form, the password and the redirects, until the
  app has its code; without hashing means argon2id with 8 KiB and one pass, on both sides.
- Every answer is checked; of each round some tokens are verified against the JWKS. A wrong answer ends the run.
- Processor time is that of the server and of all PostgreSQL processes, without the driver's.

### Each flow

${report.stages.map((stage) => `**${titleOf(stage)}**\n\n${markdownTable(stageRows(stage))}`).join('\n\n')}

### One request at 32 connections, in the database

${markdownTable(databaseRows(report))}

### Eight uses of one refresh token at once

Over two processes; how many different refresh tokens came out of a round. Falconer answers a retry of the last token with the same successor.

${markdownTable(raceRows(report))}`
}

/** Rows of texts as a table; the first row is its head. */
function markdownTable([head, ...rows]) {
  const line = (cells) => `| ${cells.join(' | ')} |`
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n')
}
