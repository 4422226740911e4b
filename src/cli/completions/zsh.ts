import { allVerbs, type Verb, type VerbOption, type Wanted } from '../verbs.ts'

/** Completion for zsh, with what each word means; to be sourced, or to lie in a folder of `fpath` as `_headgate`. */

export function zshCompletion(root: Verb): string {
  const verbs = allVerbs(root)
  const steps = verbs.flatMap((verb) =>
    verb.verbs.map((next) => `      ('${verb.words}:${last(next)}') at='${next.words}' ;;`),
  )
  const valued = verbs.flatMap((verb) =>
    verb.options
      .filter(({ wants }) => wants.kind !== 'nothing')
      .map((option) => ({ keys: option.names.map((name) => `'${verb.words}:${name}'`), option })),
  )
  const values = valued.map(
    ({ keys, option }) => `    (${keys.join('|')}) ${answer(option.wants)}; return ;;`,
  )
  const options = verbs.map(
    (verb) => `      ('${verb.words}') said=(${verb.options.flatMap(described).join(' ')}) ;;`,
  )
  const places = verbs.flatMap((verb) => [
    ...(verb.verbs.length > 0
      ? [
          `    ('${verb.words}:0') said=(${verb.verbs.map((next) => pair(last(next), next.summary)).join(' ')}); _describe 'command' said ;;`,
        ]
      : []),
    ...verb.arguments.map((wants, at) => `    ('${verb.words}:${at}') ${answer(wants)} ;;`),
  ])
  return `#compdef headgate
# headgate for zsh: source <(headgate completion zsh), behind compinit
_headgate() {
  local at='' word skip='' prev=\${words[CURRENT-1]}
  local -i count=0 i
  local -a said
  for ((i = 2; i < CURRENT; i++)); do
    word=\${words[i]}
    if [[ -n $skip ]]; then skip=''; continue; fi
    case "$at:$word" in
${steps.join('\n')}
      (${valued.flatMap(({ keys }) => keys).join('|')}) skip=1 ;;
      (*:-*) ;;
      (*) count+=1 ;;
    esac
  done
  case "$at:$prev" in
${values.join('\n')}
  esac
  if [[ \${words[CURRENT]} == -* ]]; then
    case "$at" in
${options.join('\n')}
    esac
    _describe -o 'option' said
    return
  fi
  case "$at:$count" in
${places.join('\n')}
  esac
}
if [[ \${funcstack[1]} == _headgate ]]; then _headgate "$@"; else compdef _headgate headgate; fi
`
}

function last({ words }: Verb): string {
  return words.split(' ').at(-1) ?? ''
}

function described({ names, summary }: VerbOption): readonly string[] {
  return names.map((name) => pair(name, summary))
}

function pair(word: string, meaning: string): string {
  return `'${word.replaceAll(':', '\\:')}:${meaning.replaceAll("'", "'\\''")}'`
}

function answer(wants: Wanted): string {
  switch (wants.kind) {
    case 'choice':
      return `compadd -- ${wants.choices.join(' ')}`
    case 'file':
      return '_files'
    case 'folder':
      return '_files -/'
    case 'rollout':
      return `compadd -- \${(f)"$(headgate __rollouts 2>/dev/null)"}`
    default:
      return ':'
  }
}
