import { createHmac, timingSafeEqual } from 'node:crypto'

/** Refresh tokens of the floor server: the row's id and generation under a MAC. */
export function createTokens(hexKey) {
  const key = Buffer.from(hexKey, 'hex')
  const tag = (body) => createHmac('sha256', key).update(body).digest().subarray(0, 16)
  return {
    write: (id, generation) => {
      const body = `${id}.${generation}`
      return `${body}.${tag(body).toString('base64url')}`
    },
    read: (token) => {
      const end = token.lastIndexOf('.')
      const given = Buffer.from(token.slice(end + 1), 'base64url')
      const body = token.slice(0, end)
      if (given.length !== 16 || !timingSafeEqual(tag(body), given)) return undefined
      return { id: body.slice(0, 36), generation: Number(body.slice(37)) }
    },
  }
}
