/** What the protocol must not do. Each of these, put into the machine alone, has to break these invariants. */
export const mutants = {
  'draw without holding the lock to COMMIT': ['coverage', 'exactness'],
  'freshness from arrival': ['freshness'],
  'the anchor taken when the frame is sent': ['freshness'],
  'the clock of the instance taken when its answer arrives': ['freshness'],
  'an anchor judged by the clock of another instance': ['freshness'],
  'cursor advanced before the entries are applied': ['coverage'],
  'a gap ignored': ['coverage'],
  'epoch ignored': ['coverage'],
  'until without leeway': ['coverage'],
  'jump forgotten after a failover': ['positions', 'exactness'],
  'published from above the cursor of a subscriber': ['connection'],
  'a frame with more to come makes fresh': ['freshness'],
} as const satisfies Record<string, readonly Invariant[]>

/** Named as the search reports them. */
export type Invariant = 'coverage' | 'cursor' | 'freshness' | 'exactness' | 'positions' | 'connection'

export type Mutant = keyof typeof mutants
