import { allVerbs, type Verb, type Wanted } from '../verbs.ts'

/** Completion for bash 3.2 and up, without any package of completions beside it. */

export function bashCompletion(root: Verb): string {
  const verbs = allVerbs(root)
  const steps = verbs.flatMap((verb) =>
    verb.verbs.map((next) => `      '${verb.words}:${last(next)}') at='${next.words}' ;;`),
  )
  const valued = verbs.flatMap((verb) =>
    verb.options
      .filter(({ wants }) => wants.kind !== 'nothing')
      .map((option) => ({ keys: option.names.map((name) => `'${verb.words}:${name}'`), option })),
  )
  const values = valued.map(
    ({ keys, option }) => `    ${keys.join('|')}) ${answer(option.wants)}; return ;;`,
  )
  const options = verbs.map(
    (verb) => `      '${verb.words}') ${words(verb.options.flatMap(({ names }) => names))} ;;`,
  )
  const places = verbs.flatMap((verb) => [
    ...(verb.verbs.length > 0 ? [`    '${verb.words}:0') ${words(verb.verbs.map(last))} ;;`] : []),
    ...verb.arguments.map((wants, at) => `    '${verb.words}:${at}') ${answer(wants)} ;;`),
  ])
  return `# headgate for bash: source <(headgate completion bash)
_headgate() {
  local cur=\${COMP_WORDS[COMP_CWORD]} prev=\${COMP_WORDS[COMP_CWORD-1]} at='' word skip='' count=0 i
  COMPREPLY=()
  # --option=value is three words here.
  if [[ $cur == = ]]; then cur=''
  elif [[ $prev == = ]]; then prev=\${COMP_WORDS[COMP_CWORD-2]}
  fi
  for ((i = 1; i < COMP_CWORD; i++)); do
    word=\${COMP_WORDS[i]}
    [[ $word == = ]] && continue
    if [[ -n $skip ]]; then skip=''; continue; fi
    case "$at:$word" in
${steps.join('\n')}
      ${valued.flatMap(({ keys }) => keys).join('|')}) skip=1 ;;
      *:-*) ;;
      *) count=$((count + 1)) ;;
    esac
  done
  case "$at:$prev" in
${values.join('\n')}
  esac
  if [[ $cur == -* ]]; then
    case "$at" in
${options.join('\n')}
    esac
    return
  fi
  case "$at:$count" in
${places.join('\n')}
  esac
}
_headgate_files() {
  compopt -o filenames 2>/dev/null
  local line
  while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen "$1" -- "$2")
}
complete -F _headgate headgate
`
}

function last({ words: text }: Verb): string {
  return text.split(' ').at(-1) ?? ''
}

function words(choices: readonly string[]): string {
  return `COMPREPLY=($(compgen -W '${choices.join(' ')}' -- "$cur"))`
}

function answer(wants: Wanted): string {
  switch (wants.kind) {
    case 'choice':
      return words(wants.choices)
    case 'file':
      return '_headgate_files -f "$cur"'
    case 'folder':
      return '_headgate_files -d "$cur"'
    case 'rollout':
      return 'COMPREPLY=($(compgen -W "$(headgate __rollouts 2>/dev/null)" -- "$cur"))'
    default:
      return ':'
  }
}
