import { policyFields, policySettings } from '../../settings/policy.ts'
import type { Noun } from '../definition.ts'
import { optionsFor, unsetOption } from '../fields.ts'
import { yes } from './options.ts'

const optionOf = (name: string): string => name.toLowerCase().replaceAll('_', '-')

/** One for each setting that may be set over the environment, in the words of the table of settings. */
export const settingOptions = optionsFor(
  policyFields,
  Object.fromEntries(
    Object.entries(policySettings).map(([name, { meaning }]) => [
      name,
      {
        option: optionOf(name),
        help: meaning,
        ...(name.endsWith('_SECONDS') && { value: 'SECONDS' }),
      },
    ]),
  ),
)

export const settingNoun: Noun = {
  title: 'Settings',
  commands: [
    {
      name: 'settings list',
      summary: 'list the settings that hold now',
      notes: ['They come from the environment of the server, where .env.example explains them, or were set over it.'],
      examples: ['falconer settings list', 'falconer settings list --json'],
      scopes: ['settings:read'],
      load: async () => (await import('../commands/settings.ts')).list,
    },
    {
      name: 'settings update',
      summary: 'set how long sessions and grants live, over the environment and on every instance at once',
      options: {
        ...settingOptions,
        unset: {
          ...unsetOption(policyFields),
          help: 'take this setting back to what the environment says; may be repeated',
        },
        yes,
      },
      notes: [
        'What is tightened holds for what is alive, too. It stays until it is set again or unset, whichever instance starts meanwhile.',
      ],
      examples: [
        'falconer settings update --session-idle-seconds 600',
        'falconer settings update --unset SESSION_IDLE_SECONDS --no-remember-me --yes',
      ],
      scopes: ['settings:write'],
      load: async () => (await import('../commands/settings.ts')).update,
    },
  ],
}
