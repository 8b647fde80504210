// Mistakes in a compiled server or verifier, as changes of its text. The chaos run has to notice each of them, or it proves nothing.

/**
 * @typedef {object} Mutant
 * @property {string} name
 * @property {string} what is wrong with it
 * @property {'normal' | 'long-hole'} profile in which it shows
 * @property {[file: string, from: string, to: string][]} changes
 */

const state = 'verifier/feed-state.js'
const client = 'verifier/feed-client.js'
const feed = 'src/store/feed.js'

/** Entries of one snapshot of the database, the head of a later one. */
const twoSnapshots = [
  feed,
  'let row = await readRow(db, after, limit);',
  `let row = await readRow(db, after, limit);
    await new Promise((resolve) => setTimeout(resolve, 20));
    const [later] = await db.run({ name: 'later_head', text: 'select seq as head from feed_head where id = 1' }, []);
    row = { ...row, head: later.head };`,
]

/** @type {Mutant[]} */
export const mutants = [
  {
    name: 'fresh-by-arrival',
    what: 'the verifier is fresh by when a frame arrives, not by when its read began',
    profile: 'long-hole',
    changes: [[state, 'return Math.min(begin, now.monotonicMs);', 'return now.monotonicMs;']],
  },
  {
    name: 'anchored-when-sent',
    what: 'the server says when it sends a frame, not when it began the read',
    profile: 'long-hole',
    changes: [
      ['src/protocol/feed/frame.js', 'Math.floor(anchorMs * 10) / 10', 'Math.floor(performance.now() * 10) / 10'],
    ],
  },
  {
    name: 'cursor-before-entries',
    what: 'the cursor moves at once, the entries are added when there is time',
    profile: 'normal',
    changes: [
      [
        state,
        'for (const entry of frame.entries)\n                set.add(entry);',
        'setTimeout(() => { for (const entry of frame.entries) set.add(entry); }, 3000);',
      ],
    ],
  },
  {
    name: 'first-frame-lost',
    what: 'the first frame after a reconnect counts as a sign of life: its entries are left out',
    profile: 'normal',
    changes: [
      [
        state,
        'for (const entry of frame.entries)\n                set.add(entry);',
        'const isFirst = request.sentMs !== apply.sentMs && frame.feedKey === undefined;\n            apply.sentMs = request.sentMs;\n            if (!isFirst) for (const entry of frame.entries)\n                set.add(entry);',
      ],
      [state, 'export function createFeedState', 'const apply = {};\nexport function createFeedState'],
    ],
  },
  {
    name: 'epoch-ignored',
    what: 'after a restore the verifier goes on with the positions of before',
    profile: 'normal',
    changes: [
      [state, 'epoch !== undefined && frame.epoch !== epoch', 'false'],
      [
        client,
        'if (error instanceof EpochChanged) {\n                    state.startOver();',
        'if (error instanceof EpochChanged) {',
      ],
    ],
  },
  {
    name: 'forgets-at-once',
    what: 'entries are let go of before the tokens that they end have expired',
    profile: 'normal',
    changes: [
      [
        state,
        "set.forget(Math.min(asofSeconds, now.wallMs / 1000), 'gradually')",
        "set.forget(Math.min(asofSeconds, now.wallMs / 1000) + 7200, 'gradually')",
      ],
    ],
  },
  {
    name: 'head-of-another-snapshot',
    what: 'the server reads entries and head of two snapshots, and does not look for gaps',
    profile: 'normal',
    changes: [
      twoSnapshots,
      [feed, '!isFirst && !follows(position, previous)', 'false'],
      [feed, 'if (!isAtHead)', 'if (false)'],
    ],
  },
  {
    name: 'receipt-without-instances',
    what: 'a receipt does not wait for what the instances have to say about their verifiers',
    profile: 'normal',
    changes: [['src/protocol/feed/receipt.js', 'isPast || (isComplete && pending === 0)', 'isPast || pending === 0']],
  },
]
