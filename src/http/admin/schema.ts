/** A JSON Schema (2020-12) that knows the type of what it accepts. It is what a route is checked against. */
export interface Schema<T> {
  readonly [keyword: string]: unknown
  /** Never there: only the compiler reads it. */
  readonly '~accepts'?: T
}

/** What a schema accepts. */
export type Accepted<S> = S extends Schema<infer T> ? T : never

type Members = Readonly<Record<string, Schema<unknown>>>
type AcceptedMembers<M extends Members> = { readonly [Name in keyof M]: Accepted<M[Name]> }

export const string = (limits: { minLength?: number; maxLength: number; description?: string }): Schema<string> => ({
  type: 'string',
  ...limits,
})

export const integer = (limits: {
  minimum: number
  maximum: number
  default?: number
  description?: string
}): Schema<number> => ({ type: 'integer', ...limits })

export const boolean: Schema<boolean> = { type: 'boolean' }

/** One of these values. */
export const value = <const V extends string | boolean | null>(...values: readonly V[]): Schema<V> => ({ enum: values })

export const either = <A, B>(a: Schema<A>, b: Schema<B>): Schema<A | B> => ({ anyOf: [a, b] })

/** An object with these members and no others. */
export const object = <Required extends Members, Optional extends Members>(
  required: Required,
  optional: Optional,
): Schema<AcceptedMembers<Required> & Partial<AcceptedMembers<Optional>>> => ({
  type: 'object',
  properties: { ...required, ...optional },
  required: Object.keys(required),
  additionalProperties: false,
})

/** A part of an answer: these members, and those that a later release adds. */
export const record = (required: Members, optional: Members = {}): Schema<object> => ({
  type: 'object',
  properties: { ...required, ...optional },
  required: Object.keys(required),
})

export const list = (items: Schema<unknown>, description?: string): Schema<object> => ({
  type: 'array',
  items,
  ...(description === undefined ? {} : { description }),
})

export const nullable = <T>(schema: Schema<T>): Schema<T | null> => ({ anyOf: [schema, { type: 'null' }] })

/** A schema that the document of the API shows under a name of its own. */
export const named = (title: string, schema: Schema<object>, description?: string): Schema<object> => ({
  title,
  ...schema,
  ...(description === undefined ? {} : { description }),
})
