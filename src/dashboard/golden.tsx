import { computed, signal } from '@preact/signals'
import { goldenCaseOf, goldenSetText, type PairCase } from '../eval/golden-pair.ts'
import type { Pair } from '../types.ts'
import { plural } from './format.ts'
import { Card, Copyable } from './ui.tsx'

/** Pairs that somebody has looked at and made golden: in this tab until they are saved as a file. */

interface Chosen {
  readonly rollout: string
  readonly accepted: boolean
  readonly case: PairCase
}

/** By the pair. */
const chosen = signal<ReadonlyMap<string, Chosen>>(new Map())

/** More is not kept: a set that nobody has saved is no place for it. */
const MOST = 200

function choose(pair: Pair, accepted: boolean, one: PairCase): void {
  if (chosen.value.size >= MOST && !chosen.value.has(pair.id)) return
  const made = { rollout: pair.rollout, accepted, case: one }
  chosen.value = new Map(chosen.value).set(pair.id, made)
}

function takeOut(id: string): void {
  const left = new Map(chosen.value)
  left.delete(id)
  chosen.value = left
}

/** What can be made of a pair: control's answer is right, or both are. */
export function GoldenCard({ pair }: { readonly pair: Pair }) {
  const kept = chosen.value.get(pair.id)
  if (kept !== undefined) {
    const right = kept.accepted ? 'either answer is right' : 'control’s answer is right'
    return (
      <Card title="Golden">
        <p>✓ In the golden set: {right}.</p>
        <div class="tools">
          <button type="button" onClick={() => takeOut(pair.id)}>
            Take it out
          </button>
        </div>
      </Card>
    )
  }
  return (
    <Card title="Golden">
      <p class="fine">
        A golden set holds questions with their right answers, and tells of any arm whether it still
        answers so.
      </p>
      <div class="tools">
        <Make pair={pair} accepted={false} label="Make control’s answer golden" />
        <Make pair={pair} accepted label="Accept the canary’s too" />
      </div>
    </Card>
  )
}

interface MakeProps {
  readonly pair: Pair
  readonly accepted: boolean
  readonly label: string
}

function Make({ pair, accepted, label }: MakeProps) {
  const made = goldenCaseOf(pair, accepted, new Date().toISOString())
  const why = !made.ok
    ? made.why
    : chosen.value.size >= MOST
      ? 'Save the set first: it is full.'
      : null
  return (
    <button
      type="button"
      aria-disabled={why !== null}
      title={why ?? undefined}
      onClick={() => {
        if (made.ok && why === null) choose(pair, accepted, made.case)
      }}
    >
      {label}
      {why !== null && <span class="unseen"> ({why})</span>}
    </button>
  )
}

/** What was chosen of this rollout, as a file that `headgate golden run` reads. */
export function GoldenSet({ rollout }: { readonly rollout: string }) {
  const cases = casesByRollout.value.get(rollout) ?? []
  if (cases.length === 0) return null
  const file = `${rollout}-golden.jsonl`
  return (
    <Card title="Golden set">
      <p>{plural(cases.length, 'case')}, in this tab only.</p>
      <div class="tools">
        <button type="button" onClick={() => save(file, goldenSetText(rollout, cases))}>
          Save {file}
        </button>
      </div>
      <Copyable text={`headgate golden run ${file} --arm both`} />
    </Card>
  )
}

const casesByRollout = computed(() => {
  const found = new Map<string, PairCase[]>()
  for (const { rollout, case: one } of chosen.value.values()) {
    found.set(rollout, [...(found.get(rollout) ?? []), one])
  }
  return found
})

function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([text], { type: 'application/x-ndjson' }))
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  URL.revokeObjectURL(url)
}
