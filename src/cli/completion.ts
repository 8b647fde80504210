import { type Definition, isRaw, optionsOf } from './definition.ts'

interface Completed {
  readonly noun: string
  readonly verb: string | undefined
  readonly summary: string
  readonly options: readonly { readonly name: string; readonly help: string; readonly choices: readonly string[] }[]
  readonly choices: readonly string[]
}

function completed(definition: Definition): Completed {
  const { name, summary } = definition
  const [noun = '', verb] = name.split(' ')
  const options = isRaw(definition) ? [] : Object.entries(optionsOf(definition))
  return {
    noun,
    verb,
    summary,
    options: options.map(([name, { help, choices = [] }]) => ({ name, help, choices })),
    choices: isRaw(definition) ? [] : (definition.arguments?.flatMap(({ choices = [] }) => choices) ?? []),
  }
}

const verbsByNoun = (all: readonly Completed[]): Map<string, string[]> => {
  const verbs = new Map<string, string[]>()
  for (const { noun, verb } of all) verbs.set(noun, [...(verbs.get(noun) ?? []), ...(verb === undefined ? [] : [verb])])
  return verbs
}

const isFile = (name: string): boolean => ['write-env', 'output', 'jwks'].includes(name)

/** `source <(falconer completion bash)` */
export function bashScript(definitions: readonly Definition[]): string {
  const all = definitions.map(completed)
  const verbs = verbsByNoun(all)
  const nouns = [...verbs.keys()].join(' ')
  const options = all.map(
    ({ noun, verb, options, choices }) =>
      `    '${[noun, verb].filter(Boolean).join(' ')}') words='${[...options.map(({ name }) => `--${name}`), ...choices].join(' ')}' ;;`,
  )
  const values = all.flatMap(({ noun, verb, options }) =>
    options
      .filter(({ name, choices }) => choices.length > 0 || isFile(name))
      .map(({ name, choices }) => {
        const reply =
          choices.length > 0 ? `compgen -W '${choices.join(' ')}' -- "$current"` : 'compgen -f -- "$current"'
        return `    '${[noun, verb].filter(Boolean).join(' ')} --${name}') COMPREPLY=($(${reply})); return ;;`
      }),
  )
  return `# bash completion of falconer; made by: falconer completion bash
_falconer() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" noun="\${COMP_WORDS[1]}" command words=''
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W '${nouns} --help' -- "$current"))
    return
  fi
  case "$noun" in
${[...verbs].map(([noun, list]) => `    ${noun}) words='${list.join(' ')}' ;;`).join('\n')}
  esac
  if [ -n "$words" ] && [ "$COMP_CWORD" -eq 2 ]; then
    COMPREPLY=($(compgen -W "$words --help" -- "$current"))
    return
  fi
  command="$noun"
  [ -n "$words" ] && command="$noun \${COMP_WORDS[2]}"
  case "$command $previous" in
${values.join('\n')}
  esac
  words=''
  case "$command" in
${options.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _falconer falconer
`
}

const zshQuoted = (text: string): string =>
  text.replaceAll("'", '’').replaceAll('[', '(').replaceAll(']', ')').replaceAll(':', ' -')

/** For a folder of `$fpath`, as `_falconer`. */
export function zshScript(definitions: readonly Definition[]): string {
  const all = definitions.map(completed)
  const verbs = verbsByNoun(all)
  const argumentsOf = ({ options, choices }: Completed): string =>
    [
      ...options.map(({ name, help, choices }) => {
        const value = choices.length > 0 ? `:value:(${choices.join(' ')})` : isFile(name) ? ':file:_files' : ''
        return `'*--${name}[${zshQuoted(help)}]${value}'`
      }),
      ...(choices.length > 0 ? [`'1:argument:(${choices.join(' ')})'`] : []),
    ].join(' ')
  const nouns = [...verbs].map(([noun, list]) => {
    const own = all.filter((each) => each.noun === noun)
    if (list.length === 0) return `    ${noun}) _arguments ${own.map(argumentsOf).join('') || '""'} ;;`
    const described = own.map(({ verb, summary }) => `'${verb}:${zshQuoted(summary)}'`).join(' ')
    const cases = own.map((each) => `        ${each.verb}) _arguments ${argumentsOf(each)} ;;`).join('\n')
    return `    ${noun})
      if (( CURRENT == 2 )); then local -a verbs=(${described}); _describe verb verbs; return; fi
      shift words; (( CURRENT-- ))
      case "$words[1]" in
${cases}
      esac ;;`
  })
  return `#compdef falconer
# zsh completion of falconer; made by: falconer completion zsh
_falconer() {
  if (( CURRENT == 2 )); then _values command ${[...verbs.keys()].map((noun) => `'${noun}'`).join(' ')}; return; fi
  shift words; (( CURRENT-- ))
  case "$words[1]" in
${nouns.join('\n')}
  esac
}
compdef _falconer falconer
`
}

const fishQuoted = (text: string): string => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`

/** For ~/.config/fish/completions/falconer.fish */
export function fishScript(definitions: readonly Definition[]): string {
  const all = definitions.map(completed)
  const verbs = verbsByNoun(all)
  const lines = ['# fish completion of falconer; made by: falconer completion fish', 'complete -c falconer -f']
  for (const noun of verbs.keys()) lines.push(`complete -c falconer -n __fish_use_subcommand -a ${noun}`)
  for (const { noun, verb, summary, options, choices } of all) {
    const others = verbs.get(noun) ?? []
    const isNoun = `__fish_seen_subcommand_from ${noun}`
    if (verb !== undefined) {
      const none = `${isNoun}; and not __fish_seen_subcommand_from ${others.join(' ')}`
      lines.push(`complete -c falconer -n '${none}' -a ${verb} -d ${fishQuoted(summary)}`)
    }
    const here = verb === undefined ? isNoun : `${isNoun}; and __fish_seen_subcommand_from ${verb}`
    if (choices.length > 0) lines.push(`complete -c falconer -n '${here}' -a '${choices.join(' ')}'`)
    for (const { name, help, choices } of options) {
      const value = choices.length > 0 ? ` -x -a '${choices.join(' ')}'` : isFile(name) ? ' -r -F' : ''
      lines.push(`complete -c falconer -n '${here}' -l ${name}${value} -d ${fishQuoted(help)}`)
    }
  }
  return `${lines.join('\n')}\n`
}
