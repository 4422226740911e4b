import { fencesOf } from '../compare/code.ts'
import type { CheckLanguage } from './prompt.ts'

/** The program in an answer. */

const NAMES: Readonly<Record<CheckLanguage, readonly string[]>> = {
  python: ['python', 'py', 'python3'],
  typescript: ['typescript', 'ts', 'tsx'],
  rust: ['rust', 'rs'],
}

/**
 * The longest fenced block of that language, since examples of use are shorter than what they use.
 * @returns null where there is none: a block without a language is not guessed at
 */
export function codeOf(answer: string, language: CheckLanguage): string | null {
  let longest: string | null = null
  for (const { language: name, code } of fencesOf(answer).blocks) {
    if (!NAMES[language].includes(name)) continue
    if (longest === null || code.length > longest.length) longest = code
  }
  return longest
}
