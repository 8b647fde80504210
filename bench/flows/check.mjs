// What every flow sends and expects.

/** @throws {Error} with the answer, unless the status is right */
export function expectStatus(answer, status) {
  if (answer.status !== status) throw new Error(`${answer.status} instead of ${status}: ${answer.head}\n${answer.body}`)
}

/** The members of a JSON answer. @throws {Error} unless it is a 200 */
export function membersOf(answer) {
  expectStatus(answer, 200)
  return JSON.parse(answer.body)
}

/** @throws {Error} with what was not so, and the answer */
export function expect(isSo, what, answer) {
  if (!isSo) throw new Error(`${what}: ${answer.head}\n${answer.body.slice(0, 2000)}`)
}

/** A token in the form of a signed JWT; its signature is checked after the round. */
export const looksLikeJwt = (token) => typeof token === 'string' && /^eyJ[\w-]+\.eyJ[\w-]+\.[\w-]{86}$/.test(token)

/** Everything before the length of a form that a client sends in its own name. */
export function formHead(target, path, { id, secret }) {
  const basic = Buffer.from(`${id}:${secret}`).toString('base64')
  return `POST ${path} HTTP/1.1\r\nHost: ${target.host}\r\nAuthorization: Basic ${basic}\r\nContent-Type: application/x-www-form-urlencoded`
}
