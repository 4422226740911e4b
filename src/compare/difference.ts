import type { Difference, DifferenceKind } from '../types.ts'
import type { Answer } from './answer.ts'
import { type Asked, isStructured } from './asked.ts'
import { codeAlike } from './code.ts'
import { jsonChanges } from './json.ts'
import { refuses } from './refusal.ts'
import { missing, opposedSentences, overlap, type Read, textsAlike } from './similarity.ts'

/** In what two answers differ, in words that quote nothing of them. */

/** A difference, and whether two answers that have it can still say the same. */
export interface Weighed extends Difference {
  readonly decides: boolean
}

const MOST = 32

/** At most 32; what decides comes first. Empty for two answers that say the same in the same words. */
export function differencesOf(control: Read, canary: Read, asked: Asked | null): Weighed[] {
  const found: Weighed[] = []
  const note = (
    kind: DifferenceKind,
    path: string | null,
    words: string,
    decides: boolean,
  ): void => {
    found.push({ kind, path, words, decides })
  }
  const [mine, theirs] = [control.answer, canary.answer]
  if (mine.state !== theirs.state)
    note('outcome', null, `control is ${said(mine)}, canary is ${said(theirs)}`, true)
  // What says nothing differs in nothing else.
  if (!speaks(mine) || !speaks(theirs)) return found
  refusals(mine, theirs, note)
  tools(mine, theirs, note)
  texts(control, canary, note)
  if (asked !== null) structure(asked, mine, theirs, note)
  envelope(mine, theirs, note)
  return [
    ...found.filter(({ decides }) => decides),
    ...found.filter(({ decides }) => !decides),
  ].slice(0, MOST)
}

type Note = (kind: DifferenceKind, path: string | null, words: string, decides: boolean) => void

function said({ state }: Answer): string {
  switch (state) {
    case 'whole':
      return 'a whole answer'
    case 'truncated':
      return 'cut before its end'
    case 'error':
      return 'an error'
    case 'unparseable':
      return 'no answer of this endpoint'
    case 'too_large':
      return 'too large to compare'
  }
}

function speaks({ state }: Answer): boolean {
  return state === 'whole' || state === 'truncated'
}

function refusals(control: Answer, canary: Answer, note: Note): void {
  const [mine, theirs] = [refuses(control), refuses(canary)]
  if (mine === theirs) return
  note(
    'refusal',
    null,
    mine ? 'control declines, canary answers' : 'control answers, canary declines',
    true,
  )
}

function tools(control: Answer, canary: Answer, note: Note): void {
  const names = ({ tools: calls }: Answer) => calls.map(({ name }) => name)
  const [mine, theirs] = [names(control), names(canary)]
  if (mine.join('\n') !== theirs.join('\n'))
    note('tool_calls', null, `control calls ${listed(mine)}, canary ${listed(theirs)}`, true)
  for (const [at, call] of control.tools.entries()) {
    const there = canary.tools[at]
    if (there === undefined || there.name !== call.name) continue
    const path = `tool_calls[${at}].arguments`
    if (call.arguments === undefined || there.arguments === undefined) {
      if (call.raw !== there.raw)
        note('tool_arguments', path, 'not JSON on both sides, and not the same', true)
      continue
    }
    for (const change of jsonChanges(call.arguments, there.arguments))
      note('tool_arguments', joined(path, change.path), CHANGES[change.kind], matters(change))
  }
}

const CHANGES = {
  added: 'only the canary has it',
  removed: 'the canary leaves it out',
  changed: 'another value',
  type: 'another type',
} as const

/** A sentence may be put in other words; a name, a number or an address may not. */
function matters({ kind, one, other }: ReturnType<typeof jsonChanges>[number]): boolean {
  if (kind !== 'changed' || typeof one !== 'string' || typeof other !== 'string') return true
  return !one.trim().includes(' ') || !other.trim().includes(' ') || textsAlike(one, other) < 0.6
}

/** From so many words on, */
const LONG = 12
/** less than this part of them says less. */
const HALF = 0.6

function texts(control: Read, canary: Read, note: Note): void {
  const [mine, theirs] = [control.features, canary.features]
  if (control.answer.text === canary.answer.text) return
  if (mine.json !== undefined && theirs.json !== undefined) {
    for (const change of jsonChanges(mine.json, theirs.json))
      note('structure', change.path || null, CHANGES[change.kind], matters(change))
    return
  }
  const lost = missing(mine.numbers, theirs.numbers)
  const made = missing(theirs.numbers, mine.numbers)
  if (lost + made > 0) {
    const words = `${lost} of control’s ${mine.numbers.length} numbers are missing, ${made} are new`
    note('numbers', null, words, lost > 0 && made > 0)
  } else {
    const turned = [...mine.counted].filter(
      ([what, counts]) => (theirs.counted.get(what) ?? counts) !== counts,
    )
    if (turned.length > 0) {
      const words = `the numbers are the same, and ${turned.length} of them count something else`
      note('numbers', null, words, true)
    }
  }
  const [shorter, longer] = [mine.words.length, theirs.words.length].sort((a, b) => a - b)
  if (longer !== undefined && longer >= LONG && (shorter ?? 0) < longer * HALF) {
    const words = `control says ${mine.words.length} words, canary ${theirs.words.length}`
    note('text', null, words, true)
  }
  const opposed = opposedSentences(mine.sentences, theirs.sentences)
  if (opposed > 0) note('negation', null, 'of two sentences alike, one says no', true)
  const named = overlap(mine.names, theirs.names)
  if (named < 1) {
    const words = `${Math.round(named * 100)} % of the names and identifiers are in both`
    note('names', null, words, false)
  }
  for (let at = 0; at < Math.max(mine.code.length, theirs.code.length); at++) {
    const [here, there] = [mine.code[at], theirs.code[at]]
    const path = `code[${at}]`
    if (here === undefined) note('code', path, CHANGES.added, true)
    else if (there === undefined) note('code', path, CHANGES.removed, true)
    else {
      const alike = codeAlike(here, there)
      if (alike < 1)
        note(
          'code',
          path,
          `${Math.floor(alike * 100)} % of it is the same, comments and blanks apart`,
          true,
        )
    }
  }
}

function structure(asked: Asked, control: Answer, canary: Answer, note: Note): void {
  const [mine, theirs] = [isStructured(asked, control.text), isStructured(asked, canary.text)]
  if (mine === theirs) return
  const fits = (valid: boolean | null) =>
    valid === null
      ? 'says nothing'
      : valid
        ? 'fits the schema asked for'
        : 'does not fit the schema asked for'
  note('structure', null, `control ${fits(mine)}, canary ${fits(theirs)}`, true)
}

function envelope(control: Answer, canary: Answer, note: Note): void {
  if (control.finishReason !== canary.finishReason) {
    const words = `control ends with ${control.finishReason ?? 'no word'}, canary with ${canary.finishReason ?? 'no word'}`
    note('finish_reason', null, words, true)
  }
  if (control.choices !== canary.choices)
    note('shape', 'choices', `control gives ${control.choices}, canary ${canary.choices}`, true)
  if (control.model !== canary.model)
    note(
      'model',
      'model',
      `control says ${control.model ?? 'nothing'}, canary ${canary.model ?? 'nothing'}`,
      false,
    )
  usage(control, canary, note)
  shapes(control.shape, canary.shape, note)
}

function usage({ usage: mine }: Answer, { usage: theirs }: Answer, note: Note): void {
  if ((mine === null) !== (theirs === null)) {
    note('usage', 'usage', `${mine === null ? 'control' : 'canary'} counts no tokens`, false)
    return
  }
  const [one, other] = [mine?.inputTokens ?? null, theirs?.inputTokens ?? null]
  if (one !== other)
    note(
      'usage',
      'usage.input_tokens',
      `control counts ${one ?? 'none'}, canary ${other ?? 'none'}`,
      false,
    )
}

/** Below these lies what was said, and its shape follows it. */
const CONTENT =
  /^(choices\[\]\.(message|delta|logprobs)|output\[\]|content\[\]|content_block|delta|item|part|annotation|response\.output\[\]|message\.content|data\[\]\.embedding|error)/

function shapes(control: readonly string[], canary: readonly string[], note: Note): void {
  const [mine, theirs] = [typesOf(control), typesOf(canary)]
  for (const [path, types] of mine) {
    const there = theirs.get(path)
    if (there === undefined) note('shape', path, CHANGES.removed, false)
    else if (types !== '' && there !== '' && !types.split('|').some((type) => there.includes(type)))
      note('shape', path, CHANGES.type, true)
  }
  for (const path of theirs.keys()) if (!mine.has(path)) note('shape', path, CHANGES.added, false)
}

/** By path, without `null`: a member that may be null says nothing by being so. */
function typesOf(shape: readonly string[]): Map<string, string> {
  const types = new Map<string, string>()
  for (const line of shape) {
    const at = line.lastIndexOf(': ')
    const path = line.slice(0, at)
    if (!CONTENT.test(path))
      types.set(
        path,
        line
          .slice(at + 2)
          .split('|')
          .filter((type) => type !== 'null')
          .join('|'),
      )
  }
  return types
}

function joined(path: string, below: string): string {
  if (below === '') return path
  return below.startsWith('[') ? `${path}${below}` : `${path}.${below}`
}

/** Names of tools come from the caller's own list; one that a relay made up is cut. */
function listed(names: readonly string[]): string {
  if (names.length === 0) return 'nothing'
  const shown = names.slice(0, 4).map((name) => name.slice(0, 64) || 'a tool without a name')
  return names.length > 4 ? `${shown.join(', ')} and ${names.length - 4} more` : shown.join(', ')
}
