// Mistakes that others made, as changes of the compiled server. The checker has to notice each of them, or it proves nothing.

/**
 * @typedef {object} Mutant
 * @property {string} name what is wrong with it
 * @property {string} profile the mix of operations under which it shows
 * @property {[file: string, from: string, to: string][]} changes texts of the compiled server
 */

const refresh = 'store/refresh-statement.js'
const codes = 'store/exchange-statement.js'
const end = 'store/end.js'
const endings = 'store/ending-statements.js'
const combined = 'store/combined-ending-statements.js'

/** @type {Mutant[]} */
export const mutants = [
  {
    name: 'the refresh reads, then writes: the row is not locked',
    profile: 'refresh',
    changes: [[refresh, '  for no key update of g ${ifHeld}\n', '']],
  },
  {
    name: 'each retry renews the grace window',
    profile: 'refresh',
    changes: [
      [
        refresh,
        ')\nselect cur.place::int',
        "), renewed as (\n  update grants g set rt_rotated_at = clock_now() from cur where g.id = cur.id and cur.outcome = 'retry'\n)\nselect cur.place::int",
      ],
    ],
  },
  {
    name: 'two generations back is accepted within the grace',
    profile: 'refresh',
    changes: [[refresh, 'when f.gen = g.rt_gen - 1 and', 'when f.gen between g.rt_gen - 2 and g.rt_gen - 1 and']],
  },
  {
    name: 'a retry mints a sibling',
    profile: 'refresh',
    changes: [
      [
        refresh,
        "from cur where g.id = cur.id and cur.outcome = 'rotate'\n  returning",
        "from cur where g.id = cur.id and cur.outcome in ('rotate', 'retry')\n  returning",
      ],
    ],
  },
  {
    name: 'the first of a batch decides for all',
    profile: 'refresh',
    changes: [
      [
        refresh,
        'select cur.place::int, cur.outcome,',
        'select cur.place::int, first_value(cur.outcome) over (order by cur.place) as outcome,',
      ],
    ],
  },
  {
    name: 'two presentations of one grant are in one batch',
    profile: 'refresh',
    changes: [['store/refresh.js', '    thing: ({ grantId }) => grantId,\n', '']],
  },
  {
    name: 'the refusal of a reuse undoes the ending that it should leave',
    profile: 'refresh',
    changes: [['protocol/grant-types/refresh-token.js', "if (grant.outcome === 'reuse')", 'if (false)']],
  },
  {
    name: 'a code is exchanged without locks on user and session',
    profile: 'exchange',
    changes: [
      [codes, 'for share of u', '-- not locked'],
      [codes, 'for share of s', '-- not locked'],
    ],
  },
  {
    name: 'user and grants are ended by one statement, with one snapshot',
    profile: 'exchange',
    changes: [
      [
        endings,
        "name: 'end_user_client_1',\n    text: `\nwith l as materialized (",
        "name: 'end_user_client_1',\n    text: `\nwith locked as materialized (select id from users where id = $1::uuid for no key update), l as materialized (",
      ],
      [
        endings,
        'where g.user_id = $1::uuid and g.client = $4::uuid and',
        'where g.user_id = (select id from locked) and g.client = $4::uuid and',
      ],
      [
        end,
        '{ userId, client, clientId }, context) {\n    const locked = await tx.run(lockUser, [userId]);',
        '{ userId, client, clientId }, context) {\n    const locked = [userId];',
      ],
    ],
  },
  {
    name: 'the feed entry is written by a second commit',
    profile: 'ending',
    changes: [
      [
        combined,
        "), e as (\n  insert into feed_entries (seq, kind, key, until) select n.before + x.nth, 'g', ${lastEight('x.id')}, ${until} from n cross join x\n",
        '',
      ],
      [
        combined,
        'x.alive::int as grants from n cross join x',
        'x.alive::int as grants, $3::int as life from n cross join x',
      ],
      [
        end,
        '        return endCombined(db, { target, id: ending.id, ...context });\n',
        `        {
            const ended = await endCombined(db, { target, id: ending.id, ...context });
            if (target === 'grant' && ended) await db.run({ name: 'late_entry', text: "insert into feed_entries (seq, kind, key, until) values ($1, 'g', substring(uuid_send($2::uuid) from 9), clock_now() + interval '1 hour')" }, [ended.position, ending.id]);
            return ended;
        }
`,
      ],
    ],
  },
  {
    name: 'the position is drawn early, in a commit of its own',
    profile: 'ending',
    changes: [
      [
        combined,
        'update feed_head h set seq = h.seq + k.grants from (select count(*) as grants from x) k where h.id = 1 and k.grants > 0\n  returning h.seq - k.grants as before',
        'select $8::bigint as before where exists (select from x)',
      ],
      [
        'store/combined-endings.js',
        'await tx.run(statements.endGrants, common(batch))',
        "await (async () => { const [h] = await tx.run({ name: 'early', text: 'update feed_head set seq = seq + $1::int where id = 1 returning seq - $1::int as before' }, [batch.length]); return tx.run(statements.endGrants, [...common(batch), h.before]); })()",
      ],
    ],
  },
  {
    name: 'whether a token is alive comes from a cache of three seconds',
    profile: 'introspection',
    changes: [
      [
        'store/introspection.js',
        'export const readTokenLiveness = combined({',
        `const cached = new Map();
export async function readTokenLiveness(db, t) {
    const known = cached.get(t.jti);
    if (known && Date.now() - known.at < 3000) return known.row;
    const row = await readTokenLivenessNow(db, t);
    cached.set(t.jti, { at: Date.now(), row });
    return row;
}
const readTokenLivenessNow = combined({`,
      ],
    ],
  },
]
