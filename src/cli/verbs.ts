import type { Command, Option } from 'commander'

/** The command line as a tree of plain values, for whoever writes it down: a shell's completion. */

export const SHELLS = ['bash', 'zsh', 'fish'] as const

export type Shell = (typeof SHELLS)[number]

/** What is expected in a place. */
export type Wanted =
  | { readonly kind: 'nothing' | 'file' | 'folder' | 'rollout' | 'value' }
  | { readonly kind: 'choice'; readonly choices: readonly string[] }

export interface VerbOption {
  /** `-w` and `--watch`. */
  readonly names: readonly string[]
  readonly summary: string
  readonly wants: Wanted
}

export interface Verb {
  /** `flags pull`; empty for what stands before any verb. */
  readonly words: string
  readonly summary: string
  /** Those that may follow. */
  readonly verbs: readonly Verb[]
  readonly options: readonly VerbOption[]
  /** In their order. */
  readonly arguments: readonly Wanted[]
}

/** @returns the verb of the program itself, with all below it */
export function verbOf(command: Command, words = ''): Verb {
  const shown = command.createHelp()
  const below = shown.visibleCommands(command).filter((each) => each.name() !== 'help')
  return {
    words,
    summary: command.summary() || command.description(),
    verbs: below.map((each) => verbOf(each, `${words} ${each.name()}`.trim())),
    options: [...shown.visibleOptions(command), ...shown.visibleGlobalOptions(command)].map(
      optionOf,
    ),
    arguments: command.registeredArguments.map((each) =>
      each.argChoices === undefined
        ? { kind: each.name() === 'rollout' ? 'rollout' : 'value' }
        : { kind: 'choice', choices: each.argChoices },
    ),
  }
}

/** All of them, the outermost first. */
export function allVerbs(verb: Verb): readonly Verb[] {
  return [verb, ...verb.verbs.flatMap(allVerbs)]
}

function optionOf(option: Option): VerbOption {
  const { short, long, description, argChoices } = option
  return {
    names: [short, long].filter((name) => name != null),
    summary: description,
    wants:
      argChoices !== undefined ? { kind: 'choice', choices: argChoices } : { kind: kindOf(option) },
  }
}

function kindOf({ flags, required, optional }: Option): 'nothing' | 'file' | 'folder' | 'value' {
  if (!required && !optional) return 'nothing'
  if (flags.includes('<file>')) return 'file'
  return flags.includes('<folder>') ? 'folder' : 'value'
}
