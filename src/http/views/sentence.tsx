/** What to say, and the outside names that stand in it. */
export interface SentenceProps {
  of: string
  values: Record<string, string>
}

/**
 * A template of the catalogue with its values as elements.
 *
 * Each value is isolated: a name with right-to-left marks would otherwise reorder the words around it.
 */
export function Sentence({ of, values }: SentenceProps) {
  return of.split(/\{(\w+)\}/).map((part, index) => (index % 2 === 0 ? part : <bdi>{values[part] ?? `{${part}}`}</bdi>))
}
