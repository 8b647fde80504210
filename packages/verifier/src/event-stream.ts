import { maxFrameBytes } from './frame.ts'

/** One server-sent event (HTML Living Standard, "Server-sent events"): its type and its `data:` lines. */
export interface ServerSentEvent {
  readonly type: string
  readonly data: readonly string[]
}

/** Takes bytes as they come, however they were cut. @throws when an event never ends */
export interface EventStreamParser {
  push(bytes: Uint8Array): ServerSentEvent[]
}

export function createEventStreamParser(maxLength = maxFrameBytes): EventStreamParser {
  const decoder = new TextDecoder()
  let pieces: string[] = []
  let length = 0
  let type = 'message'
  let data: string[] = []
  let endsWithReturn = false

  function endLine(end: string): ServerSentEvent | undefined {
    const line = pieces.length === 0 ? end : pieces.join('') + end
    pieces = []
    if (line === '') return endEvent()
    const colon = line.indexOf(':')
    const field = colon < 0 ? line : line.slice(0, colon)
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1)
    if (field === 'event') type = value
    if (field === 'data') data.push(value)
    return undefined
  }

  function endEvent(): ServerSentEvent | undefined {
    const event = data.length > 0 ? { type, data } : undefined
    length = 0
    type = 'message'
    data = []
    return event
  }

  return {
    push: (bytes) => {
      let text = decoder.decode(bytes, { stream: true })
      // The two characters of one line end may come in two chunks.
      if (endsWithReturn && text.startsWith('\n')) text = text.slice(1)
      if (text !== '') endsWithReturn = text.endsWith('\r')
      const events: ServerSentEvent[] = []
      let start = 0
      for (const { 0: mark, index } of text.matchAll(/\r\n|\r|\n/g)) {
        length += index - start
        const event = endLine(text.slice(start, index))
        if (event) events.push(event)
        start = index + mark.length
      }
      if (start < text.length) {
        pieces.push(text.slice(start))
        length += text.length - start
      }
      if (length > maxLength) throw new Error(`An event has more than ${maxLength} characters`)
      return events
    },
  }
}
