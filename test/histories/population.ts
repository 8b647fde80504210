import type { Admin } from './admin.ts'
import { allClients, password, registrationOf } from './clients.ts'
import type { Person } from './people.ts'

/** Registers every client of the run. */
export async function createClients(admin: Admin, instance: string): Promise<void> {
  for (const client of allClients) await created(admin, instance, '/clients', registrationOf(client))
}

/** So many users, named one after the other. */
export async function createPeople(admin: Admin, instance: string, name: string, count: number): Promise<Person[]> {
  const people: Person[] = []
  for (let i = 0; i < count; i++) {
    const username = `${name}-${i}`
    const body = await created(admin, instance, '/users', { username, password })
    people.push({ sub: String(body['id']), username })
  }
  return people
}

async function created(admin: Admin, instance: string, path: string, body: object): Promise<Record<string, unknown>> {
  const reply = await admin.call(instance, 'POST', path, body)
  if (reply.status !== 201) throw new Error(`${path}: ${reply.status} ${JSON.stringify(reply.body)}`)
  return reply.body
}
