/** Tells the issuer up to where this verifier obeys. One request at a time: what is asked for meanwhile is said by the next. */
export interface Acknowledgements {
  request(position: number): void
}

export function createAcknowledgements(
  send: (position: number) => Promise<void>,
  onError: (error: unknown) => void,
): Acknowledgements {
  let wanted: number | undefined
  let isSending = false

  async function sendAll(): Promise<void> {
    isSending = true
    while (wanted !== undefined) {
      const position = wanted
      wanted = undefined
      // One that fails is asked for again by the next frame, as long as somebody waits.
      await send(position).catch(onError)
    }
    isSending = false
  }

  return {
    request: (position) => {
      wanted = position
      if (!isSending) void sendAll()
    },
  }
}
