import { randomUUID } from 'node:crypto'
import { type Showing, SIDES, type Side, showingKey, showingsOf } from '../eval/blind.ts'
import { chanceFrom, shuffled } from '../eval/chance.ts'
import { requestOf } from '../eval/chat.ts'
import { gradeOf } from '../eval/grade.ts'
import type { CheckRecord, JudgementRecord } from '../eval/records.ts'
import type { Outcome } from '../types.ts'
import { ARM_RETRIES, type Asking, askModel } from './asking.ts'
import type { Context } from './command.ts'
import type { EvalBook } from './eval-book.ts'
import type { EvalJob } from './eval-job.ts'
import { executorOf } from './execute.ts'
import type { AskedModel } from './models.ts'
import { together } from './paced.ts'
import { progressOf } from './progress.ts'

/** An evaluation, stage by stage: each does what the book has not, and writes it there. */

/** A judge is not on trial. */
const JUDGE_RETRIES: ReadonlySet<Outcome> = new Set<Outcome>([
  'rate_limited',
  'upstream_error',
  'connect_error',
  'timeout_total',
  'malformed',
  'empty',
])

/** Both sides answer, in a drawn order. */
export async function answers(
  { plan, models, mostTokens }: EvalJob,
  book: EvalBook,
  asking: Asking,
  context: Context,
): Promise<void> {
  const all = shuffled(
    plan.prompts.flatMap((prompt) => SIDES.map((side) => ({ prompt, side }))),
    chanceFrom(`${plan.seed}/answers`),
  )
  const open = all.filter(({ prompt, side }) => !book.has(`answer/${side}/${prompt.id}`))
  const progress = progressOf(context, 'answers   ', all.length, all.length - open.length)
  await together(open, asking.concurrency, asking.signal, async ({ prompt, side }) => {
    const model = models[side]
    const request = requestOf(model.wire, model.model, prompt.messages, mostTokens, prompt.params)
    const reply = await askModel(model, model.wire, request, ARM_RETRIES, asking)
    if (reply.outcome === 'cancelled') return
    book.add({
      type: 'answer',
      id: prompt.id,
      side,
      outcome: reply.outcome,
      text: reply.text,
      modelAnswered: reply.modelAnswered,
      inputTokens: reply.usage?.inputTokens ?? null,
      outputTokens: reply.usage?.outputTokens ?? null,
      durationMs: Math.round(reply.durationMs),
      cost: model.costOf(reply),
    })
    progress.step()
  })
  progress.end()
}

/** What answers have for code is run, where the prompt says how to tell. */
export async function checks(
  { plan }: EvalJob,
  book: EvalBook,
  asking: Asking,
  context: Context,
): Promise<void> {
  const all = plan.prompts.flatMap(({ id, check }) =>
    check === null
      ? []
      : SIDES.flatMap((side) => {
          const answer = book.answer(side, id)
          return answer?.outcome === 'ok' ? [{ id, side, check, answer }] : []
        }),
  )
  const open = all.filter(({ id, side }) => !book.has(`check/${side}/${id}`))
  if (open.length === 0) return
  const executor = executorOf(context.env['PATH'])
  const { offline, tools } = executor
  context.output.say(
    `--run-checks: code that models wrote runs on this machine, as you, ${offline ? 'without network' : 'WITH network: this system cannot cut it off'}, with an empty environment; ${Object.values(tools).join(', ')}`,
  )
  const progress = progressOf(context, 'checks    ', all.length, all.length - open.length)
  // One at a time: programs that wait for each other's processor would miss their time.
  await together(open, 1, asking.signal, async ({ id, side, check, answer }) => {
    const found = await executor.check(answer.text, check)
    book.add({ type: 'check', id, side, ...found } satisfies CheckRecord)
    progress.step()
  })
  progress.end()
}

/** The judge is shown each pair twice, and decoys. */
export async function judgements(
  { plan, decoys }: EvalJob,
  judge: AskedModel,
  book: EvalBook,
  asking: Asking,
  context: Context,
): Promise<void> {
  const byId = new Map(plan.prompts.map((prompt) => [prompt.id, prompt]))
  const textOf = (side: Side, id: string): string | null => {
    const answer = book.answer(side, id)
    return answer?.outcome === 'ok' ? answer.text : null
  }
  const shown = ({ id, first, decoy }: Showing) => {
    const a = textOf('a', id)
    const b = decoy === null ? textOf('b', id) : textOf('a', decoy)
    const task = byId.get(id)?.messages
    if (a === null || b === null || task === undefined || (decoy !== null && a === b)) return null
    return first === 'a' ? { task, first: a, second: b } : { task, first: b, second: a }
  }
  const all = showingsOf([...byId.keys()], plan.seed, decoys).flatMap((showing) => {
    const material = shown(showing)
    return material === null ? [] : [{ showing, material }]
  })
  const open = all.filter(({ showing }) => !book.has(`judgement/${showingKey(showing)}`))
  const progress = progressOf(context, 'judgements', all.length, all.length - open.length)
  await together(open, asking.concurrency, asking.signal, async ({ showing, material }) => {
    const graded = await gradeOf(material, plan.rubric, {
      ask: (messages) =>
        askModel(
          judge,
          judge.wire,
          requestOf(judge.wire, judge.model, messages, null),
          JUDGE_RETRIES,
          asking,
        ),
      nonce: () => randomUUID().replaceAll('-', ''),
      costOf: judge.costOf,
    })
    if (graded === null) return
    book.add({ type: 'judgement', ...showing, ...graded } satisfies JudgementRecord)
    progress.step()
  })
  progress.end()
}
