import { expect, formHead, membersOf } from './check.mjs'

function work(target) {
  const head = formHead(target, target.paths.introspection, target.resourceServer)
  return async (send, token) => {
    const answer = await send(head, `token_type_hint=access_token&token=${token}`)
    const { active, scope, sub } = membersOf(answer)
    expect(active === true && scope === 'api:read' && typeof sub === 'string', 'not active', answer)
    return { next: token }
  }
}

/** RFC 7662 for tokens that the server has not seen before: one state for one request. */
export const introspection = {
  title: 'introspection',
  states: 8000,
  spends: true,
  work: (target) => {
    const send = work(target)
    return async (...request) => {
      await send(...request)
      return {}
    }
  },
}

/** The same for a few tokens again and again, as an API that asks for every request of its callers does. */
export const introspectionAgain = { title: 'introspection of tokens seen before', states: 500, work }
