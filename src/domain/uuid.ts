const pattern = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/

/** The id when it is a lower-case UUID, else undefined: anything else would be an error in SQL. */
export const parseUuid = (text: string | undefined): string | undefined =>
  text && pattern.test(text) ? text : undefined
