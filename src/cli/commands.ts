import type { Definition, Noun } from './definition.ts'
import { administratorNoun } from './nouns/administrators.ts'
import { auditNoun } from './nouns/audit.ts'
import { clientNoun } from './nouns/clients.ts'
import { configNoun } from './nouns/config.ts'
import { keyNoun } from './nouns/keys.ts'
import { resourceNoun } from './nouns/resources.ts'
import { revocationNoun } from './nouns/revocations.ts'
import { serverNoun } from './nouns/server.ts'
import { sessionNoun } from './nouns/sessions.ts'
import { settingNoun } from './nouns/settings.ts'
import { shellNoun } from './nouns/shell.ts'
import { userNoun } from './nouns/users.ts'
import { webhookNoun } from './nouns/webhooks.ts'

/** THE TABLE of commands. Each is loaded only when it is called. */
export const nouns: readonly Noun[] = [
  serverNoun,
  clientNoun,
  resourceNoun,
  userNoun,
  administratorNoun,
  sessionNoun,
  revocationNoun,
  keyNoun,
  auditNoun,
  webhookNoun,
  settingNoun,
  configNoun,
  shellNoun,
]

export const commands: readonly Definition[] = nouns.flatMap((noun) => noun.commands)

export const firstWords: readonly string[] = [...new Set(commands.map(({ name }) => name.split(' ')[0] ?? ''))]

/** The commands that begin with this word. */
export const commandsOf = (word: string): readonly Definition[] =>
  commands.filter(({ name }) => name === word || name.startsWith(`${word} `))
