import { allVerbs, type Verb, type VerbOption, type Wanted } from '../verbs.ts'

/** Completion for fish, with what each word means. */

export function fishCompletion(root: Verb): string {
  const verbs = allVerbs(root)
  const steps = verbs.flatMap((verb) =>
    verb.verbs.map(
      (next) => `      case '${verb.words}:${last(next)}'
        set at '${next.words}'`,
    ),
  )
  const valued = verbs.flatMap((verb) =>
    verb.options
      .filter(({ wants }) => wants.kind !== 'nothing')
      .flatMap(({ names }) => names.map((name) => `'${verb.words}:${name}'`)),
  )
  const lines = verbs.flatMap((verb) => [
    ...verb.verbs.map(
      (next) =>
        `complete -c headgate -n "__headgate_at '${verb.words}' 0" -a ${last(next)} -d ${quoted(next.summary)}`,
    ),
    ...verb.arguments.flatMap((wants, at) => {
      const what = answer(wants)
      return what === null
        ? []
        : [`complete -c headgate -n "__headgate_at '${verb.words}' ${at}" ${what}`]
    }),
    ...verb.options.map(
      (option) => `complete -c headgate -n "__headgate_at '${verb.words}'" ${optionText(option)}`,
    ),
  ])
  return `# headgate for fish: headgate completion fish | source
# True where the verbs so far are $argv[1], and the words behind them as many as $argv[2].
function __headgate_at
  set -l at ''
  set -l count 0
  set -l skip
  for word in (commandline -opc)[2..-1]
    if test -n "$skip"
      set skip
      continue
    end
    switch "$at:$word"
${steps.join('\n')}
      case ${valued.join(' ')}
        set skip 1
      case '*:-*'
      case '*'
        set count (math $count + 1)
    end
  end
  test "$at" = "$argv[1]"; and begin
    test (count $argv) -lt 2; or test $count = $argv[2]
  end
end
complete -c headgate -f
${lines.join('\n')}
`
}

function last({ words }: Verb): string {
  return words.split(' ').at(-1) ?? ''
}

function optionText({ names, summary, wants }: VerbOption): string {
  const flags = names.map((name) =>
    name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`,
  )
  const value = wants.kind === 'nothing' ? [] : ['-x', answer(wants) ?? '']
  return [...flags, ...value, '-d', quoted(summary)].filter((part) => part !== '').join(' ')
}

function answer(wants: Wanted): string | null {
  switch (wants.kind) {
    case 'choice':
      return `-a ${quoted(wants.choices.join(' '))}`
    case 'file':
      return "-a '(__fish_complete_path (commandline -ct))'"
    case 'folder':
      return "-a '(__fish_complete_directories (commandline -ct))'"
    case 'rollout':
      return "-a '(headgate __rollouts 2>/dev/null)'"
    default:
      return null
  }
}

function quoted(text: string): string {
  return `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
}
