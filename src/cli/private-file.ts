import { open } from 'node:fs/promises'
import { Failure } from './command.ts'

/** A file for its owner only, which did not exist before. */
export interface PrivateFile {
  write(text: string): Promise<void>
  close(): Promise<void>
}

/** Made at the first write, so that a command which is refused leaves no empty file. */
export function createPrivateFile(file: string): PrivateFile {
  let opening: ReturnType<typeof open> | undefined
  const handle = () => (opening ??= openNew(file))
  return {
    write: async (text) => {
      await (await handle()).writeFile(text)
    },
    close: async () => (await handle()).close(),
  }
}

async function openNew(file: string) {
  try {
    return await open(file, 'wx', 0o600)
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException
    throw new Failure(
      code === 'EEXIST' ? `${file} exists already: it is not overwritten.` : `${file} cannot be written (${code}).`,
    )
  }
}
