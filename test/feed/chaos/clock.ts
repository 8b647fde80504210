/** Milliseconds of CLOCK_MONOTONIC: the same clock in every process of the host, and the one that the verifiers measure with. */
export const nowMs = (): number => Number(process.hrtime.bigint()) / 1e6
