import type { Document } from '../../domain/field.ts'

/** What the code of an application is made from, once it is registered. */
export interface Facts {
  readonly issuer: string
  readonly clientId: string
  /** Absent for a public client. */
  readonly clientSecret: string | undefined
  readonly redirectUris: readonly string[]
  /** The client as the server shows it. */
  readonly client: Document
  /** The file that the values were written to, or should be. */
  readonly envFile: string
  /** True when they were: then the code reads them from there. */
  readonly isInFile: boolean
}

/** A file of the application. */
export interface Snippet {
  readonly file: string
  /** How to install what it needs and to run it. */
  readonly how: string
  readonly code: string
}

/** A kind of application: how it is registered, and the code that plugs it in. */
export interface Preset {
  /** For the person who tries it on one machine. */
  readonly defaultRedirect: string | undefined
  /** Where the values belong when no file was named. */
  readonly envFile: string
  metadata(redirectUris: readonly string[]): Document
  /** The names of its values, in order, before there are any. */
  readonly names: readonly string[]
  /** What its code reads from the environment. */
  values(facts: Facts): Readonly<Record<string, string>>
  snippets(facts: Facts): readonly Snippet[]
}

/** A text as a literal of JavaScript. */
export const literal = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** Code without the indentation of this repository, and without lines that are left out (null). */
export const lines = (...all: readonly (string | null)[]): string =>
  `${all.filter((line) => line !== null).join('\n')}\n`

export const firstOf = ([first = '']: readonly string[]): URL => new URL(first)

/** Each origin of web redirect URIs once, with what a library appends to it. */
export const originsOf = (redirectUris: readonly string[], suffix = ''): string[] => [
  ...new Set(
    redirectUris.filter((uri) => /^https?:/.test(uri) && URL.canParse(uri)).map((uri) => new URL(uri).origin + suffix),
  ),
]
