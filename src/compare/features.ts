import type { Answer } from './answer.ts'
import { fencesOf, tokensOf } from './code.ts'

/** What of a text can be compared without knowing what it means. */

export interface Features {
  /** Of the prose, lower case, in their order; a letter of a script without blanks is a word. */
  readonly words: readonly string[]
  /** In their order, in one way of writing; numbers of list items are not among them. */
  readonly numbers: readonly string[]
  /** Names, identifiers, paths, addresses: what a paraphrase keeps as it is. */
  readonly names: readonly string[]
  /** What stands behind numbers, with the numbers it stands behind: `days` of `two days`. */
  readonly counted: ReadonlyMap<string, string>
  readonly sentences: readonly Sentence[]
  /** Tokens of each fenced block. */
  readonly code: readonly (readonly string[])[]
  /** The text as a whole is JSON: its value; undefined where it is not. */
  readonly json: unknown
}

export interface Sentence {
  readonly words: ReadonlySet<string>
  /** It says no to something: an odd number of times. */
  readonly negated: boolean
}

const MOST_WORDS = 20_000
const MOST_SENTENCES = 100

const WORD =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]|[\p{L}\p{N}]+(?:['’][\p{L}]+)?/gu
const NUMBER =
  /(?<![\p{L}\p{N}_.])[-−+]?\d[\d,_]{0,40}(?:\.\d{1,40})?(?:e[-+]?\d{1,4})?(?![\p{L}_])/giu
const LIST_ITEM = /^[ \t]*(?:#{1,6} *)?\(?\d{1,3}[.):](?=\s)/gm
/** Every part is bounded: what is read is a stranger's. */
const NAME =
  /`[^`\n]{1,80}`|https?:\/\/[^\s<>"')\]]{1,256}|\b[\w.+-]{1,64}@[\w-]{1,64}\.[\w.-]{1,64}|\b[\w-]{1,64}(?:[./\\:][\w-]{1,64}){1,16}\b|\b\w{1,64}_\w{1,64}\b|\b[a-z]{1,40}[A-Z]\w{0,40}\b|\b[A-Z]{2}\w{0,40}\b|(?<=[\p{L}\p{N},;] )\p{Lu}[\p{L}\p{N}]{1,64}/gu
const NEGATIONS = new Set(
  `not no never none nobody nothing neither nor without cannot false incorrect impossible unable fails
  nicht kein keine keinen nie niemals ohne falsch pas jamais aucun sans ningún nunca jamás sin não nunca sem
  不 没 無 无 未 非`.split(/\s+/),
)
/** Small numbers that one text spells and another writes. `one` is a pronoun too. */
const SPELLED = new Map(
  'two three four five six seven eight nine ten eleven twelve'
    .split(' ')
    .map((word, at) => [word, String(at + 2)] as const),
)

export function featuresOf(text: string): Features {
  const json = jsonIn(text)
  const { prose, blocks } = fencesOf(text)
  const plain = prose.replace(LIST_ITEM, ' ')
  const words = wordsOf(plain)
  return {
    words,
    numbers: [...numbersOf(plain), ...words.flatMap((word) => SPELLED.get(word) ?? [])],
    names: namesOf(plain),
    counted: countedIn(plain, words),
    sentences: sentencesOf(plain),
    code: blocks.map(tokensOf),
    json,
  }
}

/** What of an answer is compared as text: what it says, or how it declines. */
export function spokenText({ text, refusal }: Answer): string {
  return refusal === null ? text : `${text}\n${refusal}`.trim()
}

export function wordsOf(text: string): string[] {
  const words: string[] = []
  for (const [word] of text.matchAll(WORD)) {
    if (words.length >= MOST_WORDS) break
    words.push(word.toLowerCase().replace('’', "'"))
  }
  return words
}

function numbersOf(text: string): string[] {
  return [...text.matchAll(NUMBER)].slice(0, 2_000).map(([written]) => plainNumber(written))
}

/** `1,000`, `1000` and `1000.0` are one number; `−3` is `-3`. */
function plainNumber(written: string): string {
  const plain = written.replace('−', '-').replaceAll(/[,_]/g, '')
  const value = Number(plain)
  return Number.isFinite(value) ? String(value) : plain
}

function countedIn(text: string, words: readonly string[]): Map<string, string> {
  const counted = new Map<string, string[]>()
  const note = (what: string | undefined, number: string): void => {
    if (what !== undefined) counted.set(what, [...(counted.get(what) ?? []), number])
  }
  for (const match of [...text.matchAll(NUMBER)].slice(0, 500)) {
    const end = match.index + match[0].length
    const what = /^[ \t]*(\p{L}+)/u.exec(text.slice(end, end + 40))?.[1]
    note(what?.toLowerCase(), plainNumber(match[0]))
  }
  for (const [at, word] of words.entries()) {
    const number = SPELLED.get(word)
    if (number !== undefined) note(words[at + 1], number)
  }
  return new Map([...counted].map(([what, numbers]) => [what, numbers.sort().join(' ')]))
}

function namesOf(text: string): string[] {
  return [...text.matchAll(NAME)]
    .slice(0, 2_000)
    .map(([name]) => name.replaceAll('`', '').replace(/[.,;:!?]+$/, ''))
    .filter((name) => name !== '' && !/^[-+]?[\d.,:/]+$/.test(name))
}

function sentencesOf(text: string): Sentence[] {
  return text
    .split(/(?<=[.!?。！？])\s+|\n+/)
    .slice(0, MOST_SENTENCES)
    .map((sentence) => wordsOf(sentence))
    .filter((words) => words.length > 1)
    .map((words) => {
      const no = words.filter((word) => NEGATIONS.has(word) || word.endsWith("n't"))
      return {
        words: new Set(words.filter((word) => !no.includes(word))),
        negated: no.length % 2 === 1,
      }
    })
}

/** The text as JSON, bare or in one fence: objects and lists only. */
function jsonIn(text: string): unknown {
  const bare = text.trim()
  const inside = /^```(?:json)?\s*\n([\s\S]*)\n```$/.exec(bare)?.[1]?.trim() ?? bare
  if (!inside.startsWith('{') && !inside.startsWith('[')) return undefined
  try {
    return JSON.parse(inside)
  } catch {
    return undefined
  }
}
