import type { Similarity } from '../types.ts'
import type { Answer, ToolCall } from './answer.ts'
import { codeAlike } from './code.ts'
import { type Features, featuresOf, type Sentence, spokenText, wordsOf } from './features.ts'
import { jsonAlike } from './json.ts'

/**
 * How alike two answers are, 0 to 1, symmetric: what the triangle needs of it. Lexical: the words, the runs of three
 * letters; or the cosine of vectors that a model made. Neither sees a wrong number, a `not`, or a bug, so numbers,
 * negations, names, JSON, code and tool calls are compared as what they are, and take from the score.
 */

/** An answer with what was found in it; made once an answer, and used for each comparison. */
export interface Read {
  readonly answer: Answer
  readonly features: Features
  /** Of the text as a whole; null where nobody was asked, or the text is empty. */
  readonly vector: ArrayLike<number> | null
}

export function readOf(answer: Answer, vector: ArrayLike<number> | null = null): Read {
  return { answer, features: featuresOf(spokenText(answer)), vector }
}

/** @param model that made the vectors; used where both answers have one */
export function similarityOf(one: Read, other: Read, model: string | null = null): Similarity {
  const embedded = model !== null && one.vector !== null && other.vector !== null
  const similarity = (score: number): Similarity => ({
    // Sums in another order end in other bits: rounded, both orders are the same number, and ties are ties.
    score: Math.round(Math.min(1, Math.max(0, score)) * 1e9) / 1e9,
    method: embedded ? 'embedding' : 'lexical',
    model: embedded ? model : null,
  })
  if (one.answer.wire === 'embeddings') return similarity(vectorsAlike(one.answer, other.answer))
  const called = Math.max(one.answer.tools.length, other.answer.tools.length) > 0
  const texts = [spokenText(one.answer), spokenText(other.answer)]
  const spoken = texts[0] !== '' || texts[1] !== ''
  const text =
    texts[0] === texts[1]
      ? 1
      : textScore(
          one.features,
          other.features,
          embedded ? cosine(one.vector ?? [], other.vector ?? []) : null,
        )
  if (!called) return similarity(text)
  const tools = toolsAlike(one.answer.tools, other.answer.tools)
  return similarity(spoken ? 0.75 * tools + 0.25 * text : tools)
}

/** -1 to 1; 0 for vectors of other lengths, of no length, and of what is no number. */
export function cosine(one: ArrayLike<number>, other: ArrayLike<number>): number {
  if (one.length !== other.length) return 0
  let [dot, mine, theirs] = [0, 0, 0]
  for (let at = 0; at < one.length; at++) {
    const [a, b] = [one[at] as number, other[at] as number]
    dot += a * b
    mine += a * a
    theirs += b * b
  }
  const value = dot / Math.sqrt(mine * theirs)
  return Number.isFinite(value) ? value : 0
}

/** Of two texts alone, lexical. */
export function textsAlike(one: string, other: string): number {
  return one === other ? 1 : textScore(featuresOf(one), featuresOf(other), null)
}

/** @param near the cosine of their vectors; null for lexical */
function textScore(one: Features, other: Features, near: number | null): number {
  const parts: [weight: number, score: number][] = []
  if (one.json !== undefined && other.json !== undefined)
    return jsonAlike(one.json, other.json, plainAlike)
  if (one.words.length + other.words.length > 0) {
    const base = near ?? wordsAlike(one.words, other.words)
    parts.push([one.words.length + other.words.length, base * exactness(one, other)])
  }
  const [mine, theirs] = [one.code.flat(), other.code.flat()]
  if (mine.length + theirs.length > 0)
    parts.push([mine.length + theirs.length, codeAlike(mine, theirs)])
  const weight = parts.reduce((sum, [part]) => sum + part, 0)
  if (weight === 0) return 1
  return parts.reduce((sum, [part, score]) => sum + part * score, 0) / weight
}

/** Words and pairs of them half, runs of three letters half: the first sees the order, the second other endings. */
function wordsAlike(one: readonly string[], other: readonly string[]): number {
  const words = bagCosine(bagOf(withPairs(one)), bagOf(withPairs(other)))
  return (words + bagCosine(lettersOf(one), lettersOf(other))) / 2
}

function withPairs(words: readonly string[]): string[] {
  return words.flatMap((word, at) => (at === 0 ? [word] : [word, `${words[at - 1]} ${word}`]))
}

/** For short texts within JSON. */
function plainAlike(one: string, other: string): number {
  return wordsAlike(wordsOf(one), wordsOf(other))
}

/** What numbers, names and negations leave of the score: 1 where they agree. */
function exactness(one: Features, other: Features): number {
  const numbers = overlap(one.numbers, other.numbers)
  const names = overlap(one.names, other.names)
  const opposed = opposedSentences(one.sentences, other.sentences)
  return (0.6 + 0.4 * numbers) * (0.85 + 0.15 * names) * (opposed > 0 ? 0.7 : 1)
}

/** Sentences that say nearly the same, one of them negated; symmetric. */
export function opposedSentences(one: readonly Sentence[], other: readonly Sentence[]): number {
  return opposedIn(one, other) + opposedIn(other, one)
}

/** How many words two sentences share, by the words of both, before they speak of the same. */
const SAME_MATTER = 0.6

function opposedIn(one: readonly Sentence[], other: readonly Sentence[]): number {
  let opposed = 0
  for (const { words, negated } of one) {
    let best = SAME_MATTER
    let against = false
    for (const there of other) {
      let shared = 0
      for (const word of words) if (there.words.has(word)) shared++
      const alike = (2 * shared) / (words.size + there.words.size)
      if (alike > best || (alike === best && against && there.negated === negated)) {
        best = alike
        against = there.negated !== negated
      }
    }
    if (against) opposed++
  }
  return opposed
}

/** Part of two lists, as bags, that is in both; 1 where both are empty. */
export function overlap(one: readonly string[], other: readonly string[]): number {
  if (one.length === 0 && other.length === 0) return 1
  const shared = one.length - missing(one, other)
  return shared / (one.length + other.length - shared)
}

/** How many items of the first list the second lacks, as bags. */
export function missing(one: readonly string[], other: readonly string[]): number {
  const rest = countsOf(other)
  let lacking = 0
  for (const item of one) {
    const count = rest.get(item) ?? 0
    if (count === 0) lacking++
    else rest.set(item, count - 1)
  }
  return lacking
}

function toolsAlike(one: readonly ToolCall[], other: readonly ToolCall[]): number {
  const most = Math.max(one.length, other.length)
  let sum = 0
  for (let at = 0; at < Math.min(one.length, other.length); at++) {
    const [mine, theirs] = [one[at] as ToolCall, other[at] as ToolCall]
    if (mine.name !== theirs.name) continue
    const both = mine.arguments !== undefined && theirs.arguments !== undefined
    const given = both
      ? jsonAlike(mine.arguments, theirs.arguments, plainAlike)
      : plainAlike(mine.raw, theirs.raw)
    sum += 0.5 + 0.5 * given
  }
  return most === 0 ? 1 : sum / most
}

function vectorsAlike(one: Answer, other: Answer): number {
  const most = Math.max(one.vectors.length, other.vectors.length)
  if (most === 0 || one.choices !== other.choices) return 0
  let sum = 0
  for (const [at, vector] of one.vectors.entries())
    sum += Math.max(0, cosine(vector, other.vectors[at] ?? []))
  return sum / most
}

type Bag = ReadonlyMap<string, number>

function countsOf(items: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>()
  for (const item of items) counts.set(item, (counts.get(item) ?? 0) + 1)
  return counts
}

/** A word said twice says less than twice as much. */
function bagOf(items: readonly string[]): Bag {
  const bag = countsOf(items)
  for (const [item, count] of bag) bag.set(item, Math.sqrt(count))
  return bag
}

function lettersOf(words: readonly string[]): Bag {
  const runs: string[] = []
  for (const word of words) {
    const padded = ` ${word} `
    for (let at = 0; at + 3 <= padded.length; at++) runs.push(padded.slice(at, at + 3))
  }
  return bagOf(runs)
}

function bagCosine(one: Bag, other: Bag): number {
  let [dot, mine, theirs] = [0, 0, 0]
  for (const [item, count] of one) {
    dot += count * (other.get(item) ?? 0)
    mine += count * count
  }
  for (const count of other.values()) theirs += count * count
  if (mine === 0 && theirs === 0) return 1
  return mine === 0 || theirs === 0 ? 0 : dot / Math.sqrt(mine * theirs)
}
