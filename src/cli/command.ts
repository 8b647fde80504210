/** What a command is given: its own arguments, and the environment. */
export interface Invocation {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

/** A command that reads its own arguments. */
export interface Command {
  /** Runs until it is done, or has started what goes on by itself. @throws {UsageError} */
  run(invocation: Invocation): Promise<void>
}

/** Wrong usage: what is wrong, and where to read how it is right. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** It was refused or failed, in words for the person who asked. Exit code 1. */
export class Failure extends Error {
  override readonly name = 'Failure'
}
