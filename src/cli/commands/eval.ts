import type { EvalRecord } from '../../eval/records.ts'
import {
  differencesTable,
  type EvalNames,
  evalJUnit,
  evalMarkdown,
  footnote,
  judgeWords,
  sidesTable,
} from '../../eval/report.ts'
import { type EvalPlan, type EvalResult, resultOf } from '../../eval/result.ts'
import { askingOf, exitOf, journalFileOf, VERDICT_STYLES } from '../asking.ts'
import type { Action, Context } from '../command.ts'
import { EvalBook } from '../eval-book.ts'
import { type EvalJob, type EvalOptions, jobOf, sayPlan } from '../eval-job.ts'
import { answers, checks, judgements } from '../eval-stages.ts'
import { EXIT } from '../exit.ts'
import { plural, usdText } from '../format.ts'
import { openJournal } from '../journal.ts'
import { writeReport } from '../report-files.ts'
import { aligned } from '../table.ts'

/** `headgate eval`: both answer, a judge scores blind, and the numbers say whether the difference is more than noise. */

export const run: Action<EvalOptions> = async (options, context) => {
  const job = jobOf(options, context)
  if (options.dryRun) return sayPlan(job, context)
  const asking = askingOf(options, context)
  const journal = openJournal<EvalRecord>(
    journalFileOf('eval', job.key, options, context),
    { headgate: 'eval', version: 1, plan: job.key },
    options.fresh === true,
  )
  const book = new EvalBook(journal, options.retryFailed === true)
  const before = book.records.length
  try {
    await answers(job, book, asking, context)
    if (job.plan.checked) await checks(job, book, asking, context)
    if (
      job.judge !== null &&
      [job.models.a, job.models.b].some(({ label }) => label === job.judge?.label)
    ) {
      context.output.say(
        'The judge is one of the two: models like their own answers. Name another with --judge.',
      )
    }
    if (job.judge !== null) await judgements(job, job.judge, book, asking, context)
  } finally {
    journal.close()
    asking.end()
  }
  if (asking.signal.aborted) {
    context.output.fail(
      `stopped: ${plural(book.records.length, 'record')} are kept`,
      'The same command goes on from there.',
    )
    return EXIT.interrupted
  }
  if (book.records.length === before) {
    context.output.say('All of it was asked before; --fresh asks anew.')
  }
  return sayResult(job, book.records, options, context)
}

function sayResult(
  { plan, names }: EvalJob,
  records: readonly EvalRecord[],
  options: EvalOptions,
  context: Context,
): number {
  const { output } = context
  const result = resultOf(plan, records)
  output.document({ ok: result.verdict !== 'fail', ...result, names })
  for (const line of linesOf(result, names, output.paint)) output.line(line)
  if (options.markdown !== undefined) {
    writeReport(options.markdown, evalMarkdown(result, names, usdText), context)
  }
  if (options.junit !== undefined) {
    writeReport(options.junit, evalJUnit(result, checkedCases(plan, records)), context)
  }
  return exitOf(result.verdict, options)
}

function checkedCases({ prompts }: EvalPlan, records: readonly EvalRecord[]) {
  const found = new Map(
    records.flatMap((one) => (one.type === 'check' ? [[`${one.side}/${one.id}`, one.result]] : [])),
  )
  return prompts.flatMap(({ id, check }) =>
    check === null
      ? []
      : [{ id, a: found.get(`a/${id}`) ?? null, b: found.get(`b/${id}`) ?? null }],
  )
}

function linesOf(
  result: EvalResult,
  names: EvalNames,
  paint: Context['output']['paint'],
): readonly string[] {
  const [first = '', ...more] = result.words
  const judge = judgeWords(result, usdText)
  return [
    `${paint(VERDICT_STYLES[result.verdict], result.verdict)}  ${first}`,
    ...more.map((words) => `      ${words}`),
    '',
    ...aligned(sidesTable(result.sides, names, usdText), 3),
    '',
    ...aligned(differencesTable(result), 1),
    ...(judge.length === 0 ? [] : ['', `judge  ${names.judge}`]),
    ...judge.map((words) => `       ${words}`),
    '',
    footnote(result),
  ]
}
