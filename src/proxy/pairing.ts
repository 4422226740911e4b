import type { Answer } from '../compare/answer.ts'
import { type Asked, askedIn } from '../compare/asked.ts'
import { type Comparison, compare } from '../compare/compare.ts'
import { spokenText } from '../compare/features.ts'
import { caughtIn } from '../compare/integrity.ts'
import { canonicalJson } from '../compare/json.ts'
import { Known } from '../compare/known.ts'
import { QUESTIONS, wordOf } from '../compare/questions.ts'
import { answerOf } from '../compare/read-answer.ts'
import { signsOf } from '../compare/signs.ts'
import { type Read, readOf, similarityOf } from '../compare/similarity.ts'
import { isOdd } from '../compare/triangle.ts'
import type { Embedder } from '../ports.ts'
import { type Content, type Outcome, type Pair, REDACTED, type Side, type Wire } from '../types.ts'
import { Coins } from './coins.ts'
import type { Hash, PairInput, Pairs, Took } from './pairs.ts'
import { redacted } from './redact.ts'

/** What came back, as a pair: read, compared, and without its text unless that is captured. */

/** Answers, if of another model: that is what comparing is for. */
const WELL: ReadonlySet<Outcome> = new Set<Outcome>(['ok', 'wrong_model'])
/** An upstream that turns a copy away has said nothing of what it would answer. */
const TURNED_AWAY: ReadonlySet<Outcome> = new Set<Outcome>(['rate_limited', 'cancelled'])

/**
 * Makes pairs. It remembers what control has answered before: what is new has to be new to all of it; and what has happened to
 * one arm alone.
 */
export class Pairing implements Pairs {
  readonly #memories = new Map<string, Memory>()

  readonly #embedder: () => Embedder | null

  /** @param embedder who makes vectors now; null for lexical scores */
  constructor(embedder: () => Embedder | null = () => null) {
    this.#embedder = embedder
  }

  get questions(): typeof QUESTIONS {
    return QUESTIONS
  }

  wordOf(wire: Wire, chunks: readonly Uint8Array[]): string | null {
    const answer = answerOf(wire, chunks)
    return answer.state === 'whole' ? wordOf(spokenText(answer)) : null
  }

  /** @param sha256 in lower-case hex */
  pairOf(input: PairInput, sha256: Hash): Promise<Pair> {
    const { rollout } = input.control.observation
    const memory = this.#memories.get(rollout ?? '') ?? { known: new Known(), coins: new Coins() }
    this.#memories.set(rollout ?? '', memory)
    return pairOf({ ...input, ...memory, embedder: this.#embedder() }, sha256)
  }
}

interface Memory {
  readonly known: Known
  readonly coins: Coins
}

type Remembering = PairInput & Memory & { readonly embedder: Embedder | null }

async function pairOf(input: Remembering, sha256: Hash): Promise<Pair> {
  const { id, kind, live, liveId, control, again, canary, config, wire, secrets } = input
  const asked = askedIn(wire, input.body)
  const plain = [control, canary, ...(again === null ? [] : [again])].map((took) =>
    answerOf(wire, took.chunks),
  )
  const { reads, model } = await readIn(plain, input.embedder)
  const [mine, theirs, second = null] = reads as [Read, Read, Read?]
  const { verdict, similarity, differences } = compared(input, mine, theirs, asked, model)
  const triangle =
    again === null || second === null || !areWell(control, again, canary)
      ? null
      : {
          own: similarityOf(mine, second, model).score,
          near: [
            similarityOf(mine, theirs, model).score,
            similarityOf(second, theirs, model).score,
          ] as const,
        }
  const findings = findingsIn(input, mine, second, theirs, asked)
  const side = (took: Took, { answer }: Read): Promise<Side> => sideOf(input, took, answer, sha256)
  const { observation } = live === 'control' ? control : canary
  const { capture, redact } = config.content
  return {
    id,
    at: new Date(observation.startedAt).toISOString(),
    rollout: observation.rollout ?? '',
    epoch: observation.epoch,
    kind,
    requestId: liveId,
    endpoint: observation.endpoint,
    dialect: observation.dialect,
    stream: observation.stream,
    modelAsked: observation.modelAsked,
    live,
    control: await side(control, mine),
    canary: await side(canary, theirs),
    again: again === null || second === null ? null : await side(again, second),
    verdict,
    similarity,
    noise: triangle?.own ?? null,
    odd: triangle === null ? null : isOdd(triangle, input.chance),
    differences,
    findings,
    question: capture ? keptText(new TextDecoder().decode(input.body), redact, secrets) : null,
  }
}

/**
 * With vectors of all texts, or of none: three answers are held against each other by one measure. Whoever makes vectors
 * may be away, and then the score is lexical, and says so.
 */
async function readIn(
  answers: readonly Answer[],
  embedder: Embedder | null,
): Promise<{ readonly reads: readonly Read[]; readonly model: string | null }> {
  const texts = answers.map(spokenText)
  const alike = texts.every((text) => text === texts[0])
  if (embedder === null || alike || texts.some((text) => text.trim() === '')) {
    return { reads: answers.map((answer) => readOf(answer)), model: null }
  }
  const vectors = await embedder.embed(texts).catch(() => null)
  return {
    reads: answers.map((answer, at) => readOf(answer, vectors?.[at] ?? null)),
    model: vectors === null ? null : embedder.model,
  }
}

function areWell(...all: readonly Took[]): boolean {
  return all.every(({ observation }) => WELL.has(observation.outcome))
}

function compared(
  { control, canary, config }: PairInput,
  mine: Read,
  theirs: Read,
  asked: Asked,
  model: string | null,
): Comparison {
  const outcomes = [control.observation.outcome, canary.observation.outcome] as const
  if (outcomes.some((outcome) => TURNED_AWAY.has(outcome))) {
    return { verdict: 'inconclusive', similarity: null, differences: [] }
  }
  if (areWell(control, canary)) {
    return compare(mine, theirs, {
      asked,
      model,
      ...(config.equivalent.at === undefined ? {} : { equivalentAt: config.equivalent.at }),
    })
  }
  const words = `control ${outcomes[0]}, canary ${outcomes[1]}`
  const differences = [{ kind: 'outcome' as const, path: null, words }]
  return { verdict: 'different', similarity: null, differences }
}

/** What control says is learned after the canary was held against it: else nothing would ever be new. */
function findingsIn(
  { control, canary, known, coins, sent, planted }: Remembering,
  mine: Read,
  second: Read | null,
  theirs: Read,
  asked: Asked,
): Pair['findings'] {
  const suspects = {
    control: mine.answer,
    again: second?.answer ?? null,
    canary: theirs.answer,
    asked,
    sent,
    known,
    planted,
  }
  const findings = areWell(control, canary)
    ? [
        ...caughtIn(suspects).map(({ finding }) => finding),
        ...coins.note(signsOf(mine.answer, theirs.answer, asked)),
      ]
    : []
  known.learn(mine.answer)
  if (second !== null) known.learn(second.answer)
  return findings
}

async function sideOf(
  { id, config, secrets }: PairInput,
  { observation, usd }: Took,
  answer: Answer,
  sha256: Hash,
): Promise<Side> {
  const text = spokenText(answer)
  const salted = async (what: string): Promise<string> =>
    (await sha256(`${id}\n${what}`)).slice(0, HASH_DIGITS)
  const { capture, redact } = config.content
  const content: Content | null = capture
    ? {
        text: text === '' ? null : keptText(text, redact, secrets),
        tools: answer.tools.map(({ name, raw }) => ({
          name,
          arguments: keptText(raw, redact, secrets),
        })),
      }
    : null
  const { outcome, status, finishReason, modelAnswered, usage, firstByteMs, durationMs } =
    observation
  return {
    outcome,
    status,
    finishReason,
    modelAnswered,
    usage,
    firstByteMs,
    durationMs,
    costUsd: usd,
    textHash: text === '' ? null : await salted(text),
    textLength: text === '' ? null : text.length,
    tools: await Promise.all(
      answer.tools.map(async ({ name, arguments: value }) => ({
        name,
        argumentsHash: await salted(canonicalJson(value)),
      })),
    ),
    content,
  }
}

const HASH_DIGITS = 32
/** Of one text; more of it is not kept. */
const MOST_CHARACTERS = 65_536

function keptText(text: string, patterns: readonly string[], secrets: readonly string[]): string {
  let clean = redacted(text, secrets)
  for (const pattern of patterns) clean = clean.replaceAll(new RegExp(pattern, 'gu'), REDACTED)
  return clean.slice(0, MOST_CHARACTERS)
}
