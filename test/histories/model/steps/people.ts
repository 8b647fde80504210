import { nat, record } from 'fast-check'
import { deleteUser, disableUser, resetPassword as resetByTheRules } from '../rules/endings.ts'
import type { Model, User } from '../state.ts'
import { known, nth } from '../world.ts'
import { step } from './step.ts'

// What an administrator does to a person.

const userAct = (
  name: string,
  words: string,
  request: (id: string) => [method: string, path: string],
  rule: (m: Model, user: User) => void,
) =>
  step(name, record({ user: nat(1) }), (m, given) => {
    const user = nth(m.users, given.user)
    if (user.isDeleted) return undefined
    return {
      told: `an admin ${words} ${user.label}`,
      act: async (world) => {
        await world.admin(...request(known(world.users, user).id))
        rule(m, user)
      },
    }
  })

export const disable = userAct('DisableUser', 'disables', (id) => ['POST', `/users/${id}/disable`], disableUser)

/** What was ended stays ended. */
export const enable = userAct(
  'EnableUser',
  'enables',
  (id) => ['POST', `/users/${id}/enable`],
  (_, user) => {
    user.isDisabled = false
  },
)

export const remove = userAct('DeleteUser', 'deletes', (id) => ['DELETE', `/users/${id}`], deleteUser)

export const resetPassword = step('ResetPassword', record({ user: nat(1) }), (m, given) => {
  const user = nth(m.users, given.user)
  if (user.isDeleted) return undefined
  return {
    told: `an admin resets the password of ${user.label}`,
    act: async (world) => {
      resetByTheRules(m, user)
      await world.admin('POST', `/users/${known(world.users, user).id}/password`, { password: world.passwordOf(user) })
    },
  }
})
