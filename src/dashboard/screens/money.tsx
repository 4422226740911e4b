import type { BudgetView } from '../../api/views/budget.ts'
import type { CostLineView, CostsView } from '../../api/views/costs.ts'
import type { RolloutView } from '../../api/views/rollout.ts'
import { countText, percentText, usdText, wordsOf } from '../format.ts'
import { usePolled } from '../polled.ts'
import { type Row, Table, WideTable } from '../table.tsx'
import { ArmMark, Card } from '../ui.tsx'

/** What was spent, what control would have asked for the same, and what is left of budgets. */

const EVERY_MS = 5_000

export function MoneyScreen({ rollout }: { readonly rollout: RolloutView }) {
  const of = `rollout=${encodeURIComponent(rollout.name)}`
  const { answer, refused } = usePolled<CostsView>(`costs?${of}&by=arm`, EVERY_MS)
  const days = usePolled<CostsView>(`costs?${of}&by=day`, EVERY_MS * 6)
  if (answer === null) {
    return (
      <Card main title="Money">
        <p class="quiet-words">{refused?.message ?? 'One moment.'}</p>
      </Card>
    )
  }
  const {
    total,
    month,
    budgets,
    callerBudgets,
    roles,
    equalWork,
    samePrompts,
    coldCaches,
    prices,
  } = answer
  const canary = answer.items.find(({ arm, role }) => arm === 'canary' && role === 'live')
  const counterfactual = canary?.otherArm.otherUsd ?? null
  return (
    <>
      <div class="title">
        <h1>Money</h1>
        <p class="fine">
          {answer.from} to {answer.to}, UTC. Prices: {prices.source} {prices.version} of{' '}
          {prices.date}.{' '}
          {total.unpriced > 0 &&
            `${countText(total.unpriced)} attempts have no price and are in no sum. `}
          {total.estimated.requests > 0 &&
            `${countText(total.estimated.requests)} attempts told no tokens: ${usdText(total.estimated.costUsd)} of it is estimated.`}
        </p>
      </div>
      <div class="figures">
        <Figure
          name="Spent"
          value={usdText(total.costUsd)}
          words={`${countText(total.requests)} attempts`}
        />
        <Figure
          name="The canary’s part"
          value={usdText(canary?.costUsd ?? null)}
          words={
            counterfactual === null
              ? 'nothing to compare with'
              : `control would have asked ${usdText(counterfactual)}`
          }
        />
        <Figure
          name="Saved"
          value={usdText(total.savedUsd)}
          words={savedWords(total.savedUsd, counterfactual)}
          good
        />
        <Figure
          name={`${month.month}, projected`}
          value={usdText(month.projectedUsd)}
          words={
            month.days === 0
              ? 'too early: no whole day yet'
              : `saves ${usdText(month.projectedSavedUsd)}, by ${countText(month.days)} whole days`
          }
        />
      </div>
      <div class="columns">
        <div class="stack">
          <Card title="By arm">
            <Lines
              items={answer.items}
              name={({ arm, role }) => (
                <>
                  {arm === undefined ? 'all' : <ArmMark arm={arm} />}
                  {role !== undefined && role !== 'live' && ` ${role}`}
                </>
              )}
            />
          </Card>
          <Card title="By day">
            <Lines items={days.answer?.items ?? []} name={({ day }) => day ?? '–'} />
          </Card>
          <Card title="Equal work">
            {samePrompts.map(({ rollout, words }) => (
              <p key={rollout} class="quiet-words">
                <b>{rollout}</b>: {words}
              </p>
            ))}
            {equalWork.length === 0 ? (
              <p class="quiet-words">No model has enough good answers on both arms yet.</p>
            ) : (
              <ul class="waits">
                {equalWork.map(({ model, words }) => (
                  <li key={model}>
                    <b>{model ?? 'any model'}</b>: {words}
                  </li>
                ))}
              </ul>
            )}
          </Card>
        </div>
        <div class="stack">
          <Card title="Budgets">
            {budgets.length === 0 ? (
              <p class="quiet-words">
                None is set: <code>budget:</code> in the rollout stops a canary that has spent what
                it may.
              </p>
            ) : (
              budgets.map((budget) => (
                <Budget
                  key={budget.period}
                  budget={budget}
                  name={`A ${budget.period}`}
                  end="control answers in the canary’s place"
                />
              ))
            )}
          </Card>
          {callerBudgets.length > 0 && (
            <Card title="Budgets of callers">
              {callerBudgets.map((budget) => (
                <Budget
                  key={`${budget.period} ${budget.caller}`}
                  budget={budget}
                  name={`${budget.caller}, a ${budget.period}`}
                  end="the caller is refused with 429"
                />
              ))}
            </Card>
          )}
          <Card title="For whom">
            <Table
              columns={[{}, { number: true }]}
              rows={Object.entries(roles).map(([role, usd]): Row => [wordsOf(role), usdText(usd)])}
            />
          </Card>
          {coldCaches.length > 0 && (
            <Card title="Cold caches">
              <ul class="waits">
                {coldCaches.map(({ from, usdPerMove, warm }) => (
                  <li key={from}>
                    a conversation that leaves {from} pays about {usdText(usdPerMove)} more once, by{' '}
                    {countText(warm)} requests that found a cache
                  </li>
                ))}
              </ul>
            </Card>
          )}
        </div>
      </div>
    </>
  )
}

function savedWords(saved: number | null, counterfactual: number | null): string {
  if (saved === null || counterfactual === null || counterfactual === 0)
    return 'what failed saves nothing'
  return `${percentText((saved / counterfactual) * 100, 0)} of what control would have asked`
}

interface FigureProps {
  readonly name: string
  readonly value: string
  readonly words: string
  readonly good?: boolean
}

function Figure({ name, value, words, good = false }: FigureProps) {
  return (
    <section class="card figure">
      <h2>{name}</h2>
      <p class={good ? 'figure-value well' : 'figure-value'}>{value}</p>
      <p class="fine">{words}</p>
    </section>
  )
}

interface LinesProps {
  readonly items: readonly CostLineView[]
  readonly name: (line: CostLineView) => preact.ComponentChildren
}

function Lines({ items, name }: LinesProps) {
  if (items.length === 0) return <p class="quiet-words">Nothing was booked.</p>
  const rows = items.map((line): Row => {
    const { input, cachedInput, cacheWrite, output } = line.tokens
    return [
      name(line),
      countText(line.requests),
      countText(input + cachedInput + cacheWrite),
      countText(output),
      usdText(line.costUsd),
      usdText(line.savedUsd),
    ]
  })
  return <WideTable columns={COLUMNS} rows={rows} />
}

const COLUMNS = [
  {},
  ...['Attempts', 'Input', 'Output', 'Spent', 'Saved'].map((head) => ({ head, number: true })),
]

interface BudgetProps {
  readonly budget: BudgetView
  readonly name: string
  /** What happens once it is spent. */
  readonly end: string
}

function Budget({ budget, name, end }: BudgetProps) {
  const { limitUsd, spentUsd, stops, stopped } = budget
  return (
    <div class="budget">
      <p>
        <b>{name}</b>: {usdText(spentUsd)} of {usdText(limitUsd)}
      </p>
      <progress
        max={limitUsd}
        value={Math.min(spentUsd, limitUsd)}
        aria-label={`${name}: spent of the budget`}
      />
      <p class="fine">
        {stopped
          ? `✕ spent: ${end}`
          : stops
            ? `at the end of it ${end}`
            : 'only tells; it stops nothing'}
      </p>
    </div>
  )
}
