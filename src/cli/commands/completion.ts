import { commands } from '../commands.ts'
import { bashScript, fishScript, zshScript } from '../completion.ts'
import type { Handler } from '../definition.ts'

const scripts = { bash: bashScript, zsh: zshScript, fish: fishScript } as const

export const completion: Handler = async ({ args, terminal }) => {
  const script = scripts[args[0] as keyof typeof scripts]
  await terminal.write(script(commands))
}
