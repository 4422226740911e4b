import { SIGNS, type Side, type Sign } from '../compare/signs.ts'
import { newSignState, type SignState, signWords, signWorth, stepSign } from '../judge/sign.ts'
import type { Finding, FindingKind } from '../types.ts'

/**
 * What is noise in one pair and evidence in many, of one rollout, as this process has seen it since its start. A coin that is
 * decided makes a finding of each pair in which it falls on the canary again.
 */

/** 1/α, α = 0.1 % a coin: what an honest canary reaches once in a thousand lives of a process. */
const LIMIT = 1_000

const KINDS: Readonly<Record<Sign, FindingKind>> = {
  truncation: 'truncation',
  refusals: 'refusals',
  output_tokens: 'usage',
  novelties: 'novelties',
  structure: 'structure',
}

const WHAT: Readonly<Record<Sign, string>> = {
  truncation: 'answers end before their end',
  refusals: 'requests are declined',
  output_tokens: 'more output tokens are counted for what is said',
  novelties: 'hosts, packages or acts are there that the other has not',
  structure: 'answers leave the schema asked for',
}

export class Coins {
  readonly #states = new Map<Sign, SignState>()

  /** @param sides what happened to which arm alone in one more pair @returns those decided, of what happened to the canary here */
  note(sides: Readonly<Record<Sign, Side>>): Finding[] {
    const findings: Finding[] = []
    for (const sign of SIGNS) {
      const side = sides[sign]
      if (side === 0) continue
      const before = this.#states.get(sign) ?? newSignState()
      const state = stepSign(before, Number(side === 1), Number(side === -1))
      this.#states.set(sign, state)
      const evidence = signWorth(state)
      if (side === 1 && evidence >= LIMIT) findings.push(found(sign, state, evidence))
    }
    return findings
  }
}

function found(sign: Sign, state: SignState, evidence: number): Finding {
  return {
    kind: KINDS[sign],
    words: `${WHAT[sign]}: ${signWords(state)}`,
    evidence: {
      canary: state.canary,
      control: state.control,
      evidence: Math.min(Number.MAX_SAFE_INTEGER, Math.round(evidence)),
      limit: LIMIT,
    },
  }
}
