// Who is measured in which flow, and at how many connections.

const unhashed = { ARGON2_MEMORY_KIB: '8', ARGON2_TIME: '1' } // the least that argon2id takes

/** Every server, installed when the first stage needs it. */
const servers = {
  falconer: { kind: 'falconer' },
  'oidc-provider prepared': { kind: 'peer', isPrepared: true },
  'oidc-provider plain': { kind: 'peer', isPrepared: false },
  floor: { kind: 'floor' },
}

const beside = ['falconer', 'oidc-provider prepared']
const withFloor = ['falconer', 'oidc-provider prepared', 'oidc-provider plain', 'floor']

/** The stages of a run, in order. */
export function planOf({ flows, quick, only, rounds, seconds }) {
  const stages = flows.flatMap((flow) => {
    const single = {
      flow,
      processes: 1,
      servers: serversOf(flow, quick),
      levels: quick ? quickLevels(flow) : [1, 8, 32],
      isCounted: !quick,
    }
    const double = {
      flow,
      processes: 2,
      servers: flow === 'refresh' ? ['falconer', 'oidc-provider prepared', 'floor'] : beside,
      levels: [64],
      isCounted: false,
    }
    return hasDouble(flow, quick) ? [single, double] : [single]
  })
  const isWanted = (name) => only === undefined || only.some((part) => name.includes(part))
  return stages
    .map((stage) => ({
      ...stage,
      rounds,
      seconds,
      warmUpSeconds: quick ? 1 : 3,
      servers: stage.servers.filter(isWanted).map((name) => ({
        name,
        processes: stage.processes,
        ...servers[name],
        ...(stage.flow === 'login-unhashed' ? { env: unhashed } : {}),
      })),
    }))
    .filter((stage) => stage.servers.length > 0)
}

/** The floor serves documents too: what Fastify alone takes for one, without log and headers. */
function serversOf(flow, quick) {
  if (flow === 'refresh') return quick ? withFloor.filter((name) => !name.includes('plain')) : withFloor
  return flow === 'jwks' ? [...beside, 'floor'] : beside
}

const hasDouble = (flow, quick) => flow === 'client-credentials' || (flow === 'refresh' && !quick)

/** Only where a target is. */
function quickLevels(flow) {
  if (flow === 'refresh') return [8, 32]
  return flow.startsWith('login') ? [8] : [32]
}

/** Who races. */
export const racers = ({ only }) =>
  [
    { name: 'falconer', processes: 2, ...servers.falconer },
    { name: 'oidc-provider prepared', processes: 2, ...servers['oidc-provider prepared'] },
    { name: 'floor', processes: 2, ...servers.floor },
  ].filter(({ name }) => only === undefined || only.some((part) => name.includes(part)))
