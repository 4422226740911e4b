import { type Side, showingKey } from '../eval/blind.ts'
import type { AnswerRecord, EvalRecord } from '../eval/records.ts'
import type { Journal } from './journal.ts'

/** What is done, with what was done before. */
export class EvalBook {
  readonly #done = new Map<string, EvalRecord>()
  readonly #journal: Journal<EvalRecord>

  /** @param retryFailed what has failed before is as if it had not been asked */
  constructor(journal: Journal<EvalRecord>, retryFailed: boolean) {
    this.#journal = journal
    for (const record of journal.before) {
      if (isOpen(record) || (retryFailed && hasFailed(record))) continue
      this.#done.set(recordKey(record), record)
    }
  }

  add(record: EvalRecord): void {
    this.#journal.append(record)
    this.#done.set(recordKey(record), record)
  }

  has(key: string): boolean {
    return this.#done.has(key)
  }

  answer(side: Side, id: string): AnswerRecord | null {
    return (this.#done.get(`answer/${side}/${id}`) as AnswerRecord | undefined) ?? null
  }

  get records(): readonly EvalRecord[] {
    return [...this.#done.values()]
  }
}

function recordKey(record: EvalRecord): string {
  return record.type === 'judgement'
    ? `judgement/${showingKey(record)}`
    : `${record.type}/${record.side}/${record.id}`
}

/** The judge's upstream being away says nothing of the arms, and a compiler may be there by now. */
function isOpen(record: EvalRecord): boolean {
  return (
    (record.type === 'judgement' && record.result === 'unanswered') ||
    (record.type === 'check' && record.result === 'not_checked')
  )
}

function hasFailed(record: EvalRecord): boolean {
  if (record.type === 'answer') return record.outcome !== 'ok'
  return record.type === 'judgement' && record.result !== 'judged'
}
