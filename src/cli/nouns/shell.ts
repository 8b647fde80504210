import type { Noun } from '../definition.ts'

export const shellNoun: Noun = {
  title: 'The shell',
  commands: [
    {
      name: 'completion',
      summary: 'print a script that completes commands and options',
      arguments: [{ name: 'shell', help: 'bash, zsh or fish', choices: ['bash', 'zsh', 'fish'] }],
      examples: [
        'source <(falconer completion bash)',
        'falconer completion zsh > "${fpath[1]}/_falconer"',
        'falconer completion fish > ~/.config/fish/completions/falconer.fish',
      ],
      load: async () => (await import('../commands/completion.ts')).completion,
    },
  ],
}
