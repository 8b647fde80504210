/** A form as a browser would send it. */
export interface Form {
  readonly action: string
  readonly fields: Record<string, string>
}

const entities: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', '#39': "'", '#x27': "'", apos: "'" }

/** Text with its character references replaced. */
export const decode = (text: string): string =>
  text.replace(/&(#?\w+);/g, (whole, name: string) => {
    if (entities[name] !== undefined) return entities[name]
    const code = /^#x([0-9a-f]+)$/i.exec(name)?.[1] ?? undefined
    if (code) return String.fromCodePoint(Number.parseInt(code, 16))
    return /^#\d+$/.test(name) ? String.fromCodePoint(Number(name.slice(1))) : whole
  })

const attribute = (tag: string, name: string): string | undefined => {
  const value = new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
  return value === undefined ? undefined : decode(value)
}

/** Enough of a page to use it: its forms with their hidden and prefilled fields, and its error. */
export function parse(html: string): { forms: Form[]; error: string | undefined; title: string | undefined } {
  const forms = [...html.matchAll(/<form\b((?:[^>"]|"[^"]*")*)>([\s\S]*?)<\/form>/g)].map(
    ([, head = '', inner = '']) => ({
      action: attribute(head, 'action') ?? '',
      fields: Object.fromEntries(
        [...inner.matchAll(/<input\b(?:[^>"]|"[^"]*")*>/g)].flatMap(([tag]) => {
          const name = attribute(tag, 'name')
          const isUnticked = /\stype="checkbox"/.test(tag) && !/\schecked\b/.test(tag)
          return name === undefined || isUnticked ? [] : [[name, attribute(tag, 'value') ?? '']]
        }),
      ),
    }),
  )
  const error = /id="error"[^>]*>([\s\S]*?)<\/(?:div|p|section)>/
    .exec(html)?.[1]
    ?.replaceAll(/<[^>]*>/g, ' ')
    .trim()
  return { forms, error: error && decode(error), title: /<title>([^<]*)/.exec(html)?.[1] }
}
