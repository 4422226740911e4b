import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { chanceFrom, shuffled } from '../eval/chance.ts'
import { type Prompt, parsePrompts } from '../eval/prompt.ts'
import type { Context } from './command.ts'
import { EXIT } from './exit.ts'
import { Failure } from './failure.ts'
import { textOfFile } from './report-files.ts'

/** Which prompts a command line means. */

export interface PromptOptions {
  readonly prompts?: string
  readonly starter?: true
  readonly domain: readonly string[]
  readonly language: readonly string[]
  readonly tier: readonly string[]
  readonly limit?: number
  readonly seed: string
}

const STARTER = join(import.meta.dirname, '../eval/starter')

/** At least one. @throws {Failure} where there is none, or the file has faults */
export function promptsOf(
  { prompts: file, starter, domain, language, tier, limit, seed }: PromptOptions,
  context: Context,
): { readonly prompts: readonly Prompt[]; readonly from: string } {
  if (file === undefined && !starter) {
    throw new Failure(
      EXIT.usage,
      'no prompts',
      'Give --prompts file.jsonl, or --starter for the set that comes with Headgate.',
    )
  }
  const all =
    file === undefined
      ? readdirSync(STARTER)
          .filter((name) => name.endsWith('.jsonl'))
          .sort()
          .flatMap((name) => parsed(readFileSync(join(STARTER, name), 'utf8'), name))
      : parsed(textOfFile(file, '--prompts', context), file)
  const fits = (wanted: readonly string[], is: string): boolean =>
    wanted.length === 0 || wanted.includes(is)
  const chosen = all.filter(
    (one) => fits(domain, one.domain) && fits(language, one.language) && fits(tier, one.tier),
  )
  if (chosen.length === 0) {
    const there = (of: (one: Prompt) => string): string => [...new Set(all.map(of))].join(', ')
    throw new Failure(
      EXIT.usage,
      'no prompt is of this domain, language and tier',
      `There are the domains ${there((one) => one.domain)}; the languages ${there((one) => one.language)}; the tiers ${there((one) => one.tier)}.`,
    )
  }
  const drawn =
    limit === undefined ? chosen : shuffled(chosen, chanceFrom(`${seed}/limit`)).slice(0, limit)
  return { prompts: drawn, from: file ?? 'the starter set' }
}

function parsed(text: string, file: string): readonly Prompt[] {
  const read = parsePrompts(text, file)
  if (read.ok) return read.items
  throw new Failure(EXIT.usage, read.faults.join('\n'), 'docs/guides/evaluation.md has the form.')
}
