import { useState } from 'preact/hooks'
import type { ChecksView } from '../../api/views/checks.ts'
import type { HealthView } from '../../api/views/health.ts'
import { ask, Refused } from '../api.ts'
import { spanText, timeText } from '../format.ts'
import { role } from '../live.ts'
import { usePolled } from '../polled.ts'
import { Card } from '../ui.tsx'

/** What is well and what is not, and the doctor's checks where somebody asks for them. */

export function HealthScreen() {
  const { answer } = usePolled<HealthView>('health', 3_000)
  return (
    <div class="stack">
      <Card main title="Health">
        {answer === null ? <p class="quiet-words">One moment.</p> : <Standing health={answer} />}
      </Card>
      <Checks />
    </div>
  )
}

function Standing({ health }: { readonly health: HealthView }) {
  const { ready, degraded, config, flags, store } = health
  return (
    <dl class="facts">
      <Item name="requests" ok={ready}>
        {ready ? 'are taken' : 'are told to go elsewhere: it is draining'}
      </Item>
      <Item name="configuration" ok={config.fault === null}>
        {config.fault ?? `generation ${config.generation} holds`}
      </Item>
      <Item name="flags" ok={!degraded.includes('flags')}>
        {flags.source}
        {flags.ageMs !== null && `, confirmed ${spanText(flags.ageMs)} ago`}
        {flags.maxAgeMs !== null && `, good for ${spanText(flags.maxAgeMs)}`}
        {flags.fault !== null && `: ${flags.fault}`}
      </Item>
      <Item name="store" ok={store.fault === null}>
        {store.kind}
        {store.fault !== null && `: ${store.fault}`}
      </Item>
      <Item name="credentials" ok={!degraded.includes('credentials')}>
        {degraded.includes('credentials')
          ? 'an upstream refuses the key it is given: the checks below say which'
          : 'no upstream refuses its key'}
      </Item>
      <Item name="control" ok={!degraded.includes('control')}>
        {degraded.includes('control')
          ? 'control was not seen to answer lately: a rollback would lead there'
          : 'was seen to answer, or is not in doubt'}
      </Item>
    </dl>
  )
}

function Item({
  name,
  ok,
  children,
}: {
  readonly name: string
  readonly ok: boolean
  readonly children: preact.ComponentChildren
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <b class={ok ? 'well' : 'ill'}>{ok ? '✓ well' : '✕ not well'}</b> {children}
      </dd>
    </div>
  )
}

const MARKS = { ok: '✓', warning: '!', failed: '✕', skipped: '–' } as const
const ORDER = ['failed', 'warning', 'ok', 'skipped'] as const
/** The checks ask every upstream: they may take their time. */
const PATIENCE_MS = 60_000

function Checks() {
  const [round, setRound] = useState<ChecksView | null>(null)
  const [running, setRunning] = useState(false)
  const [fault, setFault] = useState<string | null>(null)
  const run = async (): Promise<void> => {
    if (running || role.value === 'viewer') return
    setRunning(true)
    setFault(null)
    try {
      setRound(await ask<ChecksView>('checks', { signal: AbortSignal.timeout(PATIENCE_MS) }))
    } catch (error) {
      setFault(error instanceof Refused ? error.message : String(error))
    }
    setRunning(false)
  }
  const viewer = role.value === 'viewer'
  return (
    <Card
      title="The doctor’s checks"
      aside={
        <button
          type="button"
          aria-disabled={viewer || running}
          title={
            viewer
              ? 'Your token only reads: checks ask the network, and want the control token.'
              : undefined
          }
          onClick={run}
        >
          {running ? 'Checking…' : round === null ? 'Run the checks' : 'Run them again'}
        </button>
      }
    >
      <div aria-live="polite">
        {fault !== null && <p class="missing">{fault}</p>}
        {round === null ? (
          <p class="quiet-words">
            They ask every upstream, the flags’ source, the store and the clock, and say what to
            fix: keys, addresses, models, prices. <code>headgate doctor</code> does the same from a
            terminal.
          </p>
        ) : (
          <>
            <p class="fine">{timeText(round.at)}</p>
            <ul class="checks">
              {[...round.items]
                .sort((one, other) => ORDER.indexOf(one.status) - ORDER.indexOf(other.status))
                .map((check) => (
                  <li
                    key={`${check.id} ${check.about}`}
                    class={`check check-${check.status}`}
                    tabIndex={-1}
                    data-row
                  >
                    <b>
                      <span aria-hidden="true">{MARKS[check.status]}</span> {check.status}
                    </b>
                    <div>
                      <p>
                        <code>{check.id}</code> {check.about}: {check.detail}
                      </p>
                      {check.fix !== null && <p class="fix">{check.fix}</p>}
                    </div>
                  </li>
                ))}
            </ul>
          </>
        )}
      </div>
    </Card>
  )
}
