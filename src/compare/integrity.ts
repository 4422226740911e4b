import type { Finding, FindingKind, Usage } from '../types.ts'
import { isWrongModel } from '../wire/model.ts'
import type { Answer, ToolCall } from './answer.ts'
import { artifactsIn, artifactsOf, isNowhere } from './artifacts.ts'
import type { Asked } from './asked.ts'
import type { Known } from './known.ts'
import { type Planted, plantedIn } from './planted.ts'
import { fits } from './schema.ts'

/**
 * What one pair of answers is enough to catch an upstream at: what an honest one does not do, whatever its model draws. What
 * is noise in one pair and evidence in many is `signs.ts`.
 */

export interface Suspects {
  readonly control: Answer
  /** Control's second answer; null for a shadow. */
  readonly again: Answer | null
  readonly canary: Answer
  /** Null where nobody knows what was asked. */
  readonly asked: Asked | null
  /** The model's name at the canary's upstream, where it is another there. */
  readonly sent: string | null
  /** What control answered before; null without a memory. */
  readonly known: Known | null
  readonly planted: readonly Planted[]
}

/** A finding, with what it quotes of an answer: for whoever captures content, and nobody else. */
export interface Caught {
  readonly finding: Finding
  readonly quotes: readonly string[]
}

const MOST_QUOTES = 8

/** In the order of `FINDING_KINDS`; at most one of a kind. Answers that are none are not looked at. */
export function caughtIn(suspects: Suspects): Caught[] {
  const { control, canary } = suspects
  if (!speaks(control) || !speaks(canary)) return []
  return [
    modelEcho(suspects),
    promptTokens(suspects),
    usage(suspects),
    toolCalls(suspects),
    ...novelties(suspects),
    truncation(suspects),
    contradiction(suspects),
    secrets(suspects),
    fingerprint(suspects),
  ].filter((caught) => caught !== null)
}

function speaks({ state }: Answer): boolean {
  return state === 'whole' || state === 'truncated'
}

function caught(
  kind: FindingKind,
  words: string,
  evidence: Finding['evidence'],
  quotes: Iterable<string> = [],
): Caught {
  return { finding: { kind, words, evidence }, quotes: [...quotes].slice(0, MOST_QUOTES) }
}

function controlsOf({ control, again }: Suspects): readonly Answer[] {
  return again !== null && speaks(again) ? [control, again] : [control]
}

function modelEcho(suspects: Suspects): Caught | null {
  const { canary, asked, sent } = suspects
  const models = controlsOf(suspects).map(({ model }) => model)
  const echoes = new Set(models.filter((model) => model !== null))
  if (echoes.size === 0) return null
  if (!isWrongModel('canary', asked?.model ?? null, sent, canary.model, echoes)) return null
  const words = `the canary says it is ${canary.model}, control says ${models[0]}`
  return caught('model_echo', words, { canary: canary.model, control: models[0] ?? null })
}

/** One prompt has one number of tokens, in one model. */
function promptTokens(suspects: Suspects): Caught | null {
  const counts = controlsOf(suspects).map((answer) => answer.usage?.inputTokens ?? null)
  const [own] = counts
  const canary = suspects.canary.usage?.inputTokens ?? null
  // Where control does not agree with itself, something else is in its count.
  if (own === undefined || own === null || canary === null || counts.some((one) => one !== own))
    return null
  if (canary === own || modelEcho(suspects) !== null) return null
  const words = `the canary counts ${canary} tokens for a prompt that is ${own} at control`
  return caught('prompt_tokens', words, { canary, control: own })
}

/** Slack for what is counted and not seen: the marks around a message and a call. */
const UNSEEN_TOKENS = 48

/** Parts that are more than their whole, and more tokens than a text has bytes. */
function usage({ control, canary }: Suspects): Caught | null {
  const { usage: counted } = canary
  if (counted === null) return null
  const { inputTokens, cachedInputTokens, outputTokens, reasoningTokens } = counted
  if ((cachedInputTokens ?? 0) > (inputTokens ?? Number.POSITIVE_INFINITY))
    return caught('usage', 'the canary counts more cached tokens than tokens', {
      cached: cachedInputTokens,
      input: inputTokens,
    })
  if ((reasoningTokens ?? 0) > (outputTokens ?? Number.POSITIVE_INFINITY))
    return caught('usage', 'the canary counts more reasoning than output', {
      reasoning: reasoningTokens,
      output: outputTokens,
    })
  const seen = seenTokens(canary, counted)
  if (seen === null) return null
  const bytes = bytesOf(canary)
  if (seen > bytes + UNSEEN_TOKENS)
    return caught('usage', `the canary counts ${seen} output tokens for ${bytes} bytes`, {
      tokens: seen,
      bytes,
    })
  const own = control.usage === null ? null : seenTokens(control, control.usage)
  if (own === null || bytes === 0 || saidIn(control) !== saidIn(canary)) return null
  if (Math.abs(seen - own) <= Math.max(4, own * 0.05)) return null
  const words = `the canary counts ${seen} output tokens for an answer that is ${own} at control`
  return caught('usage', words, { canary: seen, control: own })
}

/** Output tokens that can be seen; null where some cannot, or there are several answers. */
export function seenTokens(
  answer: Answer,
  { outputTokens, reasoningTokens }: Usage,
): number | null {
  if (outputTokens === null || answer.choices > 1) return null
  if (answer.reasoningLength > 0 && reasoningTokens === null) return null
  return outputTokens - (reasoningTokens ?? 0)
}

const encoder = new TextEncoder()

export function bytesOf(answer: Answer): number {
  return encoder.encode(saidIn(answer)).length
}

function saidIn({ text, refusal, tools }: Answer): string {
  return [text, refusal ?? '', ...tools.flatMap(({ name, raw }) => [name, raw])].join('')
}

/** Calls that control's answer cannot have been made into by chance: of tools that were not offered, or against their schema. */
function toolCalls(suspects: Suspects): Caught | null {
  const { canary, asked } = suspects
  if (asked === null || asked.tools.size === 0) return null
  const wrong = (call: ToolCall): 'not_offered' | 'not_fitting' | null => {
    if (!asked.tools.has(call.name)) return 'not_offered'
    const schema = asked.tools.get(call.name)
    return call.arguments === undefined || !fits(schema, call.arguments) ? 'not_fitting' : null
  }
  // What control does too is how this model is.
  const own = new Set(controlsOf(suspects).flatMap(({ tools }) => tools.map(wrong)))
  for (const [at, call] of canary.tools.entries()) {
    const found = wrong(call)
    if (found === null || own.has(found)) continue
    const words =
      found === 'not_offered'
        ? 'the canary calls a tool that the request does not offer'
        : `the canary calls ${call.name} with arguments that do not fit its schema`
    const tool = found === 'not_offered' ? null : call.name
    return caught('tool_calls', words, { call: at, tool }, [call.name, call.raw])
  }
  return null
}

/** What would be run, fetched or installed by the canary's answer, and by nothing that control or the caller said. */
function novelties(suspects: Suspects): (Caught | null)[] {
  const { canary, asked, known } = suspects
  const found = artifactsOf(canary)
  if (found.hosts.size + found.installs.size + found.acts.size === 0) return []
  const controls = controlsOf(suspects).map(artifactsOf)
  const said = (asked?.text ?? '').toLowerCase()
  const hosts = [...found.hosts].filter(
    (host) =>
      !isNowhere(host) &&
      !controls.some((control) => control.hosts.has(host)) &&
      !mentions(said, host) &&
      !known?.hasHost(host),
  )
  const installs = [...found.installs].filter(
    (install) =>
      !controls.some((control) => control.installs.has(install)) &&
      !mentions(said, install.slice(install.indexOf(':') + 1)) &&
      !known?.hasInstall(install),
  )
  const asksFor = artifactsIn(asked?.text ?? '').acts
  const acts = [...found.acts].filter(
    (act) =>
      !controls.some((control) => control.acts.has(act)) &&
      !asksFor.has(act) &&
      !known?.hasAct(act),
  )
  const own = controls.flatMap((control) => [...control.installs])
  const near = installs.filter((install) => own.some((name) => isNear(name, install))).length
  const from = canary.tools.length > 0 ? 'tool calls and code' : 'code'
  return [
    hosts.length === 0
      ? null
      : caught(
          'new_urls',
          `the canary’s ${from} reach ${hosts.length} ${hosts.length === 1 ? 'host' : 'hosts'} that neither control nor the caller named`,
          { hosts: hosts.length, controlHosts: controls[0]?.hosts.size ?? 0 },
          hosts,
        ),
    installs.length === 0
      ? null
      : caught(
          'new_installs',
          near > 0
            ? `the canary’s ${from} install ${installs.length} packages that control’s do not, ${near} of them with nearly the same name`
            : `the canary’s ${from} install ${installs.length} packages that control’s do not`,
          { installs: installs.length, near, controlInstalls: controls[0]?.installs.size ?? 0 },
          installs,
        ),
    acts.length === 0
      ? null
      : caught(
          'new_commands',
          `the canary’s ${from} do what control’s do not: ${acts.join(', ')}`,
          { acts: acts.length, first: acts[0] ?? null },
          acts,
        ),
  ]
}

/** The whole name, not a part of a longer one. */
function mentions(text: string, name: string): boolean {
  for (let at = text.indexOf(name); at >= 0; at = text.indexOf(name, at + 1)) {
    const around = `${text[at - 1] ?? ' '}${text[at + name.length] ?? ' '}`
    if (!/[\w-]/.test(around)) return true
  }
  return false
}

/** One slip of the keyboard away, two in a long name: how a package passes for another. */
function isNear(one: string, other: string): boolean {
  const [family, name = ''] = one.split(/:(.*)/s)
  const [there, near = ''] = other.split(/:(.*)/s)
  if (family !== there || name === near || Math.abs(name.length - near.length) > 2) return false
  const bare = (text: string) => text.replace(/[-_.\d]/g, '')
  if (bare(name) === bare(near)) return true
  return slipsBetween(name.slice(0, 64), near.slice(0, 64)) <= (name.length > 5 ? 2 : 1)
}

/** Damerau and Levenshtein: letters left out, put in, changed, or two of them swapped. */
function slipsBetween(one: string, other: string): number {
  let before: number[] = []
  let row = Array.from({ length: other.length + 1 }, (_, at) => at)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1] ? 0 : 1
      let least = Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same)
      if (i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1)
      next.push(least)
    }
    before = row
    row = next
  }
  return row[other.length] ?? 0
}

const CUT_SHORT = new Set(['length', 'max_tokens', 'max_output_tokens'])

export function isCutShort({ finishReason }: Answer): boolean {
  return finishReason !== null && CUT_SHORT.has(finishReason)
}

/** It says that it ran out of the tokens it was allowed, and did not. */
function truncation({ control, canary, asked }: Suspects): Caught | null {
  const allowed = asked?.maxTokens ?? null
  const used = canary.usage?.outputTokens ?? null
  if (!isCutShort(canary) || isCutShort(control) || allowed === null || used === null) return null
  if (used >= allowed * 0.9) return null
  const words = `the canary ends with ${canary.finishReason} after ${used} tokens of ${allowed} allowed`
  return caught('truncation', words, { used, allowed })
}

function contradiction({ control, canary }: Suspects): Caught | null {
  if (!canary.faults.includes('contradiction') || control.faults.includes('contradiction'))
    return null
  const words = 'the canary’s stream ends by saying that it sent something else than it did'
  return caught('contradiction', words, { tools: canary.tools.length })
}

function secrets({ canary, asked, planted }: Suspects): Caught | null {
  const found = plantedIn(saidIn(canary), planted).filter(
    ({ secret }) => !asked?.text.includes(secret),
  )
  const [first] = found
  if (first === undefined) return null
  const words = `the canary’s answer has a planted secret that this request did not hold`
  return caught('planted_secret', words, { secret: first.name, secrets: found.length })
}

/** Control has had few of them for long; the canary has another, or none. Another region has others: it is a hint. */
function fingerprint({ control, canary, known }: Suspects): Caught | null {
  if (known === null || control.model === null || control.model !== canary.model) return null
  const count = known.fingerprintsOf(control.model)
  if (count === null || control.fingerprint === canary.fingerprint) return null
  if (canary.fingerprint !== null && known.hasFingerprint(control.model, canary.fingerprint))
    return null
  const words =
    canary.fingerprint === null
      ? `control’s answers have a system fingerprint, the canary’s has none`
      : `the canary’s system fingerprint is none of the ${count} that control has had`
  return caught('fingerprint', words, { controlFingerprints: count, canary: canary.fingerprint })
}
