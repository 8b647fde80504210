import type { Setting } from './setting.ts'
import { settingGroups } from './table.ts'

const width = 110

/** The text of `.env.example`: every setting with what it means, what it accepts and its default, all commented out. */
export function envExample(): string {
  const groups = Object.entries(settingGroups).map(
    ([heading, group]) => `# ---- ${heading} ----\n\n${Object.entries(group).map(describe).join('\n')}`,
  )
  return `${introduction}\n${groups.join('\n')}`
}

const introduction = `# Falconer's settings. Copy this file to .env and uncomment what you change; the environment wins over .env.
# A fresh clone needs none of them. An empty value counts as absent. Every problem is reported at the start.
`

function describe([name, setting]: [string, Setting<unknown>]): string {
  const file = setting.isSecret ? [`${name}_FILE can name a file that holds it instead.`] : []
  const facts = `Must be ${setting.accepts}. Default: ${setting.fallbackText}.`
  const lines = [`${setting.meaning}.`, facts, ...file].flatMap(wrap)
  return `${lines.map((line) => `# ${line}\n`).join('')}#${name}=${setting.example}\n`
}

function wrap(text: string): string[] {
  const lines = ['']
  for (const word of text.split(' ')) {
    const line = lines.at(-1) ?? ''
    if (line !== '' && line.length + word.length >= width) lines.push(word)
    else lines[lines.length - 1] = line === '' ? word : `${line} ${word}`
  }
  return lines
}
