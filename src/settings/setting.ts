import { type Field, flag as flagField, integer as integerField, oneOf } from '../domain/field.ts'

/** What reading a setting's text gives: its value, or what is wrong with it as the rest of "NAME …". */
export type Reading<Value> = { readonly value: Value } | { readonly problem: string }

/** One line of the table of settings: what it means, what it accepts, and how its text becomes a value. */
export interface Setting<Value> {
  readonly meaning: string
  /** What is accepted, as the rest of "must be …". */
  readonly accepts: string
  /** The value when the setting is absent; undefined where absence means something or another setting decides. */
  readonly fallback: Value
  /** The default as `.env.example` tells it. */
  readonly fallbackText: string
  readonly example: string
  /** A secret is never quoted in a message, and can also come from the file that `NAME_FILE` names. */
  readonly isSecret: boolean
  readonly read: (text: string) => Reading<Value>
}

/** A setting that JSON has a form for too. */
export interface JsonSetting<Value> extends Setting<Value> {
  readonly field: Field
}

/** The values of a table of settings, by their names. */
export type ValuesOf<Table> = { [Name in keyof Table]: Table[Name] extends Setting<infer Value> ? Value : never }

interface Wording {
  /** Says what stands in when there is no fixed default. */
  defaultIs?: string
  example?: string
}

/** The default is always named: undefined where absence means something or another setting decides. */
interface Options<Default> extends Wording {
  default: Default
}

/** Answers what is wrong, as the rest of "NAME …", or undefined. */
type Check = (text: string) => string | undefined

/** A setting of its own form; the kinds below cover the usual ones. */
export function setting<Value, Default>(
  meaning: string,
  form: { accepts: string; isSecret?: boolean; read: (text: string) => Reading<Value> },
  options: Options<Default>,
): Setting<Value | Default> {
  const { default: fallback, defaultIs = fallback === undefined ? 'none' : String(fallback), example } = options
  return {
    meaning,
    accepts: form.accepts,
    fallback,
    fallbackText: defaultIs,
    example: example ?? (fallback === undefined ? '' : String(fallback)),
    isSecret: form.isSecret ?? false,
    read: form.read,
  }
}

function checked(accepts: string, check: Check): { accepts: string; read: (text: string) => Reading<string> } {
  const read = (text: string): Reading<string> => {
    const problem = check(text)
    return problem === undefined ? { value: text } : { problem }
  }
  return { accepts, read }
}

/** Any text, or one that matches `pattern`, which `accepts` puts into words. */
export function text<Default extends string | undefined>(
  meaning: string,
  { accepts = 'text', pattern = /./, ...options }: { accepts?: string; pattern?: RegExp } & Options<Default>,
): Setting<string | Default> {
  const check: Check = (given) => (pattern.test(given) ? undefined : `must be ${accepts}`)
  return setting(meaning, checked(accepts, check), options)
}

/** A text that must not be shown: `check` answers without quoting it. */
export function secret(
  meaning: string,
  { accepts, check, ...wording }: { accepts: string; check: Check } & Wording,
): Setting<string | undefined> {
  return setting(meaning, { ...checked(accepts, check), isSecret: true }, { default: undefined, ...wording })
}

/** An absolute URL, kept as the text it was given; `check` may refuse more. */
export function url(
  meaning: string,
  { accepts, check, ...wording }: { accepts: string; check: (url: URL, text: string) => string | undefined } & Wording,
): Setting<string | undefined> {
  const checkUrl: Check = (given) => (URL.canParse(given) ? check(new URL(given), given) : `must be ${accepts}`)
  return setting(meaning, checked(accepts, checkUrl), { default: undefined, ...wording })
}

/** A whole number of `unit` from `min` (1 unless told) to `max`, both included. */
export function integer<Default extends number | undefined>(
  meaning: string,
  { min = 1, max, unit, ...options }: { min?: number; max: number; unit?: string } & Options<Default>,
): JsonSetting<number | Default> {
  const accepts = `a whole number${unit === undefined ? '' : ` of ${unit}`} from ${min} to ${inWords(max, unit)}`
  const read = (given: string): Reading<number> => {
    const value = /^\d{1,15}$/.test(given) ? Number(given) : Number.NaN
    return value >= min && value <= max ? { value } : { problem: `must be ${accepts}` }
  }
  const { default: fallback, defaultIs = fallback === undefined ? 'none' : inWords(fallback, unit) } = options
  return { ...setting(meaning, { accepts, read }, { ...options, defaultIs }), field: integerField(min, max) }
}

// Nobody knows 2592000 seconds by sight.
function inWords(amount: number, unit: string | undefined): string {
  if (unit !== 'seconds' || amount < 3600) return String(amount)
  const [count, word] = amount % 86_400 === 0 ? [amount / 86_400, 'day'] : [amount / 3600, 'hour']
  return `${amount} (${count} ${word}${count === 1 ? '' : 's'})`
}

/** `true` or `false`, and nothing that merely looks like it. */
export function flag(meaning: string, wording: Wording): JsonSetting<boolean | undefined> {
  const accepts = 'true or false'
  const read = (given: string): Reading<boolean> =>
    given === 'true' || given === 'false' ? { value: given === 'true' } : { problem: `must be ${accepts}` }
  return { ...setting(meaning, { accepts, read }, { default: undefined, ...wording }), field: flagField }
}

/** One of the given words. */
export function choice<const Word extends string>(
  meaning: string,
  words: readonly Word[],
  options: Options<NoInfer<Word>>,
): JsonSetting<Word> {
  const accepts = `one of ${words.join(', ')}`
  const read = (given: string): Reading<Word> => {
    const value = words.find((word) => word === given)
    return value === undefined ? { problem: `must be ${accepts}` } : { value }
  }
  return { ...setting(meaning, { accepts, read }, options), field: oneOf(words) }
}

/** A comma-separated list, each item checked by itself; the word `none` stands for the empty list. */
export function list(
  meaning: string,
  { accepts, none, check, ...wording }: { accepts: string; none: string; check: Check } & Wording,
): Setting<string[]> {
  const read = (given: string): Reading<string[]> => {
    if (given === none) return { value: [] }
    const items = splitList(given)
    const problem = items.map(check).find((found) => found !== undefined)
    return problem === undefined ? { value: items } : { problem }
  }
  return setting<string[], string[]>(meaning, { accepts, read }, { default: [], defaultIs: none, ...wording })
}

/** The items of a comma-separated list, trimmed; an empty item stays, so that it can be refused. */
export function splitList(given: string): string[] {
  return given.split(',').map((item) => item.trim())
}
