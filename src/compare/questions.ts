import { wordsOf } from './features.ts'

/**
 * Fingerprint probes: small questions that models answer with a word, each model in proportions of its own. Asked of both arms on a
 * schedule, at the temperature the upstream has by default, they tell another model behind the name (`judge/swap.ts`).
 */
export interface Question {
  readonly name: string
  readonly prompt: string
}

const question = (name: string, prompt: string): Question => ({ name, prompt })

/** A change of a prompt is a new question: give it a new name. */
export const QUESTIONS: readonly Question[] = [
  question('number_10', 'Pick a random number from 1 to 10. Answer with the number only.'),
  question('number_100', 'Pick a random number from 1 to 100. Answer with the number only.'),
  question('color', 'Name a color. Answer with one word only.'),
  question('animal', 'Name an animal. Answer with one word only.'),
  question('city', 'Name a city in Europe. Answer with the name only.'),
  question('fruit', 'Name a fruit that is not an apple. Answer with one word only.'),
  question(
    'first_name',
    'Invent a first name for a character in a novel. Answer with the name only.',
  ),
  question('letter', 'Pick a random letter of the alphabet. Answer with the letter only.'),
  question('verb', 'Write one English verb. Answer with the verb only.'),
  question('coin', 'Toss a coin. Answer with heads or tails only.'),
  question(
    'next_word',
    'Continue with exactly one word: The old gate at the head of the canal was',
  ),
  question('language', 'Name a programming language. Answer with the name only.'),
]

const MOST_LETTERS = 24

/** What an answer comes to: its first word, in lower case. An answer without one is `…none`. */
export function wordOf(text: string): string {
  const [first] = wordsOf(text.slice(0, 200))
  return first === undefined ? '…none' : first.slice(0, MOST_LETTERS)
}
