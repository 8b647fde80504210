import type { Document } from '../domain/field.ts'
import { normalizeIdentifier } from '../domain/identifier.ts'
import { parseUuid } from '../domain/uuid.ts'
import type { Api } from './api.ts'
import { Failure } from './command.ts'
import { plain } from './terminal.ts'

/** The id of the user with this id, user name or e-mail address. An id is not looked up. @throws {Failure} */
export async function findUserId(api: Api, text: string): Promise<string> {
  if (parseUuid(text)) return text
  return String((await findUser(api, text))['id'])
}

/** The record of the user with this id, user name or e-mail address. @throws {Failure} */
export async function findUser(api: Api, text: string): Promise<Document> {
  if (parseUuid(text)) return api.get(`/users/${text}`, 'users:read')
  const wanted = normalizeIdentifier(text)
  const isMeant = (name: unknown): boolean => typeof name === 'string' && normalizeIdentifier(name) === wanted
  const similar: string[] = []
  for await (const users of wanted === '' ? [] : api.pages('/users', 'users:read', { query: text })) {
    const meant = users.find(({ username, email }) => isMeant(username) || isMeant(email))
    if (meant) return meant
    similar.push(...users.map(({ username }) => plain(String(username))))
  }
  const shown = similar.slice(0, 3).join(', ')
  const hint = shown === '' ? '' : ` Did you mean ${shown}${similar.length > 3 ? ' …' : ''}?`
  throw new Failure(`There is no user ${plain(JSON.stringify(text))}.${hint}`)
}
