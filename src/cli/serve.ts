import { existsSync } from 'node:fs'
import type { Command } from './command.ts'
import { UsageError } from './command.ts'

export const command: Command = {
  run: async ({ args }) => {
    if (args.includes('--help') || args.includes('-h')) {
      process.stdout.write(
        'Usage: falconer serve\n\nStarts the server. Its settings come from the environment and from .env; .env.example explains them.\n',
      )
      return
    }
    if (args.length > 0) throw new UsageError('falconer serve takes no options: its settings come from the environment')
    const packed = new URL('../packed/main.js', import.meta.url)
    await (existsSync(packed) ? import(packed.href) : import('../main.ts'))
  },
}
