import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { expect } from 'vitest'

type Json = Record<string, unknown>

/** An operation of the admin API as its document describes it. */
export interface Operation {
  readonly method: string
  /** With `{name}` for a parameter. */
  readonly path: string
  readonly operationId: string
  readonly summary: string
  readonly tags: readonly string[]
  readonly 'x-scope': string
  readonly 'x-further-scope'?: { scope: string; when: string }
  readonly security: readonly { oauth2: string[] }[]
  readonly parameters: readonly { name: string; in: string; required?: boolean; schema: Json }[]
  readonly requestBody?: { required: boolean; content: Record<string, { schema: Json }> }
  readonly responses: Record<string, { content?: Record<string, { schema: Json }>; $ref?: string }>
}

export interface ApiDocument {
  readonly document: Json
  readonly operations: readonly Operation[]
  /** The operation that a request is for. */
  find(method: string, path: string): Operation | undefined
  /** Fails when an answer is not one that the document describes: members that it does not name count too. */
  check(method: string, path: string, answer: { status: number; body: unknown; headers: Headers }): void
}

/** Reads the document of the admin API at a server. */
export async function readApiDocument(url: string): Promise<ApiDocument> {
  const document = (await (await fetch(`${url}/admin/v1/openapi.json`)).json()) as Json
  const paths = document['paths'] as Record<string, Record<string, Omit<Operation, 'method' | 'path'>>>
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ ...operation, method: method.toUpperCase(), path })),
  )
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  ajv.addFormat('date-time', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  ajv.addFormat('uuid', /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/)
  const closed = closedObjects(document)
  ajv.addSchema({ ...closed, $id: 'https://api/' })
  const validators = new Map<string, ValidateFunction>()
  const patterns = operations.map((operation) => ({
    operation,
    // The path with the fewest parameters is the one that the router takes.
    pattern: new RegExp(`^${operation.path.replaceAll(/\{\w+\}/g, '[^/]*')}$`),
  }))
  patterns.sort((a, b) => a.operation.path.split('{').length - b.operation.path.split('{').length)

  const find = (method: string, path: string) =>
    patterns.find(({ operation, pattern }) => operation.method === method && pattern.test(path.split('?')[0] ?? ''))
      ?.operation
  const fits = (operation: Operation, status: number, type: string, body: unknown): string | undefined => {
    const place = ['paths', operation.path, operation.method.toLowerCase(), 'responses', String(status)]
    const [schemaPlace] =
      status < 400
        ? [[...place, 'content', type, 'schema']]
        : [['components', 'responses', `Problem${status}`, 'content', type, 'schema']]
    const pointer = schemaPlace.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1')))
    const $ref = `https://api/#/${pointer.join('/')}`
    const validate = validators.get($ref) ?? ajv.compile({ $ref })
    validators.set($ref, validate)
    return validate(body) ? undefined : ajv.errorsText(validate.errors)
  }
  return {
    document,
    operations,
    find,
    check: (method, path, { status, body, headers }) => {
      const operation = find(method, path)
      if (!operation) return
      const told = `${method} ${path} ${status}`
      expect(Object.keys(operation.responses), told).toContain(String(status))
      if (status === 204) {
        expect(body, told).toBe('')
        return
      }
      const type = (headers.get('content-type') ?? '').split(';')[0] ?? ''
      expect(type, told).toBe(status < 400 ? 'application/json' : 'application/problem+json')
      expect(fits(operation, status, type, body), told).toBeUndefined()
    },
  }
}

/** A schema leaves room for members of later releases; in a test such a member is one that somebody forgot to describe. */
function closedObjects<T>(value: T): T {
  if (Array.isArray(value)) return value.map(closedObjects) as T
  if (typeof value !== 'object' || value === null) return value
  const copied = Object.fromEntries(Object.entries(value).map(([name, part]) => [name, closedObjects(part)]))
  const isOpen = copied['type'] === 'object' && copied['properties'] !== undefined
  return { ...(isOpen ? { additionalProperties: false } : {}), ...copied } as T
}
