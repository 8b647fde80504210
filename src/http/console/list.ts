import type { PageRequest } from '../../admin/page.ts'
import type { Parameters } from '../../domain/parameters.ts'

const pageSize = 50

/** What a list was asked with: of `names` those that were given, and where it goes on. */
export function asked<Name extends string>(
  query: Parameters,
  names: readonly Name[],
): { filter: Partial<Record<Name, string>>; page: PageRequest; query: Record<string, string> } {
  const given = (wanted: readonly string[]) =>
    Object.fromEntries(wanted.flatMap((name) => (query.get(name) === undefined ? [] : [[name, query.get(name) ?? '']])))
  return {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- fromEntries forgets the names
    filter: given(names) as Partial<Record<Name, string>>,
    page: { limit: pageSize, ...given(['cursor']) },
    query: given([...names, 'cursor']),
  }
}
