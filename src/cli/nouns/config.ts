import type { ArgumentDefinition, Noun, OptionDefinition } from '../definition.ts'
import { yes } from './options.ts'

const file: ArgumentDefinition = { name: 'file', help: 'YAML or JSON as for CONFIG_FILE, or - for the standard input' }
const prune: OptionDefinition = {
  type: 'boolean',
  member: 'prune',
  help: 'delete the clients and resources that it does not name; never users',
}

export const configNoun: Noun = {
  title: 'Configuration as a file',
  commands: [
    {
      name: 'config plan',
      summary: 'say what a configuration file would change and end, and change nothing',
      arguments: [file],
      options: { prune },
      notes: ['Secrets that the file names ({env: NAME}, {file: path}) are read here, where the command runs.'],
      examples: ['falconer config plan falconer.yaml', 'falconer config plan falconer.yaml --prune --json'],
      scopes: ['admin'],
      load: async () => (await import('../commands/config.ts')).plan,
    },
    {
      name: 'config apply',
      summary: 'bring in a configuration file, all of it or nothing',
      arguments: [file],
      options: { prune, yes },
      notes: [
        'It shows the plan first, and asks when that deletes something or ends access. What is done is what was shown: if somebody changes anything meanwhile, it is refused.',
      ],
      examples: ['falconer config apply falconer.yaml', 'falconer config export | falconer config apply -'],
      scopes: ['admin'],
      load: async () => (await import('../commands/config.ts')).apply,
    },
    {
      name: 'config export',
      summary: 'write resources, clients and users as a configuration file, without secrets',
      options: {
        output: { type: 'string', short: 'o', value: 'FILE', help: 'into this file (mode 0600)' },
        'without-users': { type: 'boolean', help: 'resources and clients only' },
      },
      examples: ['falconer config export --output falconer.yaml'],
      scopes: ['admin'],
      load: async () => (await import('../commands/config.ts')).exportAll,
    },
  ],
}
