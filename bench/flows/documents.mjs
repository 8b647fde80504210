import { expect, membersOf } from './check.mjs'

/** A GET of a JSON document; each is parsed and looked at. */
function reading(path, isRight) {
  return (target) => {
    const head = `GET ${target.paths[path]} HTTP/1.1\r\nHost: ${target.host}`
    return async (send, next) => {
      const answer = await send(head)
      expect(isRight(membersOf(answer), target), 'not the document', answer)
      return { next }
    }
  }
}

export const jwks = {
  title: 'JWKS',
  states: 64,
  work: reading('jwks', ({ keys }) => keys.some(({ alg, kty }) => alg === 'ES256' && kty === 'EC')),
}

export const discovery = {
  title: 'discovery',
  states: 64,
  work: reading('discovery', ({ issuer }, target) => issuer === target.issuer),
}
