import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { createEventStreamParser } from '../src/event-stream.ts'

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)

describe('an event stream', () => {
  const text =
    '\uFEFFid: 1\nevent: hello\ndata: {"a":"ä€😀"}\n\n: a comment\ndata: one\ndata:two\nretry: 5\nunknown\n\ndata\n\n\nevent: x\n\n'
  const events = [
    { type: 'hello', data: ['{"a":"ä€😀"}'] },
    { type: 'message', data: ['one', 'two'] },
    { type: 'message', data: [''] },
  ]

  it.each(['\n', '\r\n', '\r'])('with line ends %j is the same however it was cut', (end) => {
    const all = bytes(text.replaceAll('\n', end))
    fc.assert(
      fc.property(fc.array(fc.nat(all.length), { maxLength: 30 }), (cuts) => {
        const parser = createEventStreamParser()
        const places = [0, ...cuts.sort((a, b) => a - b), all.length]
        const seen = places.flatMap((place, index) => parser.push(all.subarray(place, places[index + 1] ?? all.length)))
        expect(seen).toEqual(events)
      }),
    )
  })

  it('gives an event as soon as it is whole', () => {
    const parser = createEventStreamParser()
    expect(parser.push(bytes('data: one\r\n\r'))).toEqual([{ type: 'message', data: ['one'] }])
    expect(parser.push(bytes('\ndata: two\r\n\r\n'))).toEqual([{ type: 'message', data: ['two'] }])
  })

  it('that never ends an event is given up', () => {
    const parser = createEventStreamParser(100)
    parser.push(bytes(`data: ${'x'.repeat(60)}\n`))
    expect(() => parser.push(bytes(`data: ${'x'.repeat(60)}`))).toThrow('more than 100')
  })
})
