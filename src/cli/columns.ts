import type { Document } from '../domain/field.ts'
import { plain, type Terminal } from './terminal.ts'
import { exact, isInstant, relative } from './times.ts'

export interface Column {
  readonly title: string
  /** The member that it shows, or what it says about an item. */
  readonly of: string | ((item: Document) => unknown)
  /** May be cut where there is no room; ids are not, because half an id names nothing. */
  readonly isFlexible?: boolean
  /** Is left out where there is no room even so. */
  readonly isOptional?: boolean
}

/** Prints items in aligned columns on a terminal, and as lines with tabs between whole values elsewhere. */
export interface Table {
  rows(items: readonly Document[]): Promise<void>
}

const gap = '  '
const leastWidth = 8

export function createTable(terminal: Terminal, columns: readonly Column[]): Table {
  // The first page decides how wide the columns are: rows are printed while later pages are still on their way.
  let layout: readonly { column: Column; width: number }[] | undefined
  return {
    rows: async (items) => {
      if (!terminal.isTTY) {
        for (const item of items) await terminal.print(columns.map((column) => cell(column, item, false)).join('\t'))
        return
      }
      const cells = items.map((item) => new Map(columns.map((column) => [column, cell(column, item, true)])))
      if (!layout) {
        layout = layOut(columns, cells, terminal.width)
        const titles = layout.map(({ column, width }) => fit(column.title, width)).join(gap)
        await terminal.print(terminal.style.bold(titles.trimEnd()))
      }
      const shown = layout
      for (const row of cells) {
        const line = shown.map(({ column, width }) => fitCell(row.get(column) ?? '', column, width)).join(gap)
        await terminal.print(line.trimEnd())
      }
    },
  }
}

function layOut(columns: readonly Column[], cells: readonly Map<Column, string>[], room: number) {
  let layout = columns.map((column) => ({
    column,
    width: Math.max(column.title.length, ...cells.map((row) => lengthOf(row.get(column) ?? ''))),
  }))
  const needed = () => layout.reduce((sum, { width }) => sum + width, 0) + gap.length * (layout.length - 1)
  for (;;) {
    for (let excess = needed() - room; excess > 0; excess--) {
      const widest = layout
        .filter(({ column, width }) => column.isFlexible === true && width > Math.max(leastWidth, column.title.length))
        .sort((a, b) => b.width - a.width)[0]
      if (!widest) break
      layout = layout.map((entry) => (entry === widest ? { ...entry, width: entry.width - 1 } : entry))
    }
    const dropped = needed() > room ? layout.findLastIndex(({ column }) => column.isOptional === true) : -1
    if (dropped < 0) return layout
    layout = layout.filter((_, index) => index !== dropped)
  }
}

function cell({ of }: Column, item: Document, isShort: boolean): string {
  const value = typeof of === 'string' ? item[of] : of(item)
  if (isShort && isInstant(value)) return relative(value)
  return say(value)
}

/** A value in a line: lists with commas, nothing as a dash. */
export function say(value: unknown): string {
  if (value === null || value === undefined || value === '') return '-'
  if (Array.isArray(value)) return value.length === 0 ? '-' : value.map(say).join(', ')
  if (typeof value === 'boolean') return value ? 'yes' : 'no'
  if (typeof value === 'string' || typeof value === 'number') return plain(String(value))
  return plain(JSON.stringify(value))
}

const lengthOf = (text: string): number => Array.from(text).length
const fit = (text: string, width: number): string => text + ' '.repeat(Math.max(0, width - lengthOf(text)))

const fitCell = (text: string, { isFlexible }: Column, width: number): string =>
  isFlexible === true && lengthOf(text) > width
    ? `${Array.from(text)
        .slice(0, width - 1)
        .join('')}…`
    : fit(text, width)

/** One document, a member on each line; instants with how far away they are. */
export async function printDocument(terminal: Terminal, document: Document): Promise<void> {
  const names = Object.keys(document)
  const width = Math.max(0, ...names.map((name) => name.length))
  for (const name of names) {
    const value = document[name]
    await terminal.print(`${terminal.style.dim(name.padEnd(width))}  ${isInstant(value) ? exact(value) : say(value)}`)
  }
}
