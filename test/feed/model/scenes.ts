import type { Scene } from './state.ts'

const alone: Scene = {
  writers: 1,
  instances: 1,
  verifiers: 1,
  endings: 1,
  ticks: 0,
  onTheWay: 1,
  pageSize: 2,
  failovers: 0,
  replacements: 0,
  instanceRestarts: 0,
  verifierRestarts: 0,
  losses: 0,
}

/** Small worlds, each with everything that matters to one promise: searched to their end. */
export const scenes = {
  order: { ...alone, writers: 2, endings: 3, pageSize: 1, onTheWay: 2, losses: 1 },
  failover: { ...alone, writers: 2, endings: 3, failovers: 1 },
  replacement: { ...alone, endings: 3, replacements: 1 },
  lease: { ...alone, instances: 2, ticks: 2 },
  network: { ...alone, ticks: 2, onTheWay: 2, losses: 1 },
  pages: { ...alone, endings: 2, ticks: 2, pageSize: 1, onTheWay: 2 },
  memory: { ...alone, ticks: 4, verifierRestarts: 1 },
} as const satisfies Record<string, Scene>

export type SceneName = keyof typeof scenes

/** The same worlds, larger: some minutes. */
export const deepScenes: Record<SceneName, Scene> = {
  order: { ...scenes.order, endings: 4, verifierRestarts: 1 },
  failover: { ...scenes.failover, failovers: 2 },
  replacement: { ...scenes.replacement, endings: 4, onTheWay: 2, verifierRestarts: 1 },
  lease: { ...scenes.lease, ticks: 3, onTheWay: 2 },
  network: { ...scenes.network, ticks: 3, instanceRestarts: 1 },
  pages: { ...scenes.pages, ticks: 3 },
  memory: { ...scenes.memory, ticks: 6 },
}

/** All of it at once: too many states to reach the end, so it is searched to a depth. */
export const everything: Scene = {
  writers: 2,
  instances: 2,
  verifiers: 2,
  endings: 3,
  ticks: 6,
  onTheWay: 2,
  pageSize: 1,
  failovers: 1,
  replacements: 1,
  instanceRestarts: 1,
  verifierRestarts: 1,
  losses: 2,
}
