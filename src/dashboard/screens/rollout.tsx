import type { RolloutView } from '../../api/views/rollout.ts'
import { Actions } from '../actions.tsx'
import { Chart } from '../chart.tsx'
import { EventList } from '../event-list.tsx'
import { Evidence, Monitors } from '../evidence.tsx'
import { FirstRequests } from '../first-run.tsx'
import { countText, percentText, spanText, timeText } from '../format.ts'
import { Ladder } from '../ladder.tsx'
import { events, samples } from '../live.ts'
import { marksOf } from '../marks.ts'
import { nextShare, standingOf, waitsOf } from '../next.ts'
import { addressOf } from '../route.ts'
import { SplitBar } from '../split-bar.tsx'
import { Card, StateMark, VerdictMark } from '../ui.tsx'

/** One rollout: where it stands, why, and what can be done about it. */

export function RolloutScreen({ rollout }: { readonly rollout: RolloutView }) {
  const { name, state, epoch, version, since, at, verdict, arms, reach } = rollout
  const requests = arms.control.requests + arms.canary.requests
  const mine = events.value.filter((event) => event.rollout === name)
  return (
    <>
      <section class="hero card">
        <div class="hero-head">
          <h1>{name}</h1>
          <StateMark state={state} />
          <p class="since" title={timeText(since)}>
            for {spanText(Date.parse(at) - Date.parse(since))} · epoch {epoch} · version {version}
          </p>
        </div>
        <p class="standing" aria-live="polite">
          {standingOf(rollout, events.value)}
        </p>
        <Actions rollout={rollout} />
        <SplitBar rollout={rollout} />
        <p class="fine">{reach.words}.</p>
      </section>
      {requests === 0 && <FirstRequests rollout={rollout} />}
      <div class="columns">
        <div class="stack">
          <Card title="The case against the canary" aside={<VerdictMark value={verdict.value} />}>
            <p class="reasons">{verdict.reasons.join('; ')}</p>
            <Evidence rollout={rollout} samples={samples.value} events={events.value} />
            <Monitors rollout={rollout} />
          </Card>
          <Card title="The share over time">
            <ShareChart rollout={rollout} />
          </Card>
        </div>
        <div class="stack">
          <NextStep rollout={rollout} />
          <Card title="The plan">
            <Ladder rollout={rollout} events={events.value} />
          </Card>
          <Card
            title="What happened"
            aside={<a href={addressOf('events', name)}>All {countText(mine.length)}</a>}
          >
            <EventList events={mine.slice(-6).reverse()} />
          </Card>
        </div>
      </div>
    </>
  )
}

function NextStep({ rollout }: { readonly rollout: RolloutView }) {
  const next = nextShare(rollout)
  const waits = waitsOf(rollout)
  const { state, gate } = rollout
  const climbing = state === 'ramping' || state === 'holding'
  if (state === 'suspended') {
    return (
      <Card title="The probes">
        <Waits lines={waits} />
      </Card>
    )
  }
  if (!climbing || next === null) return null
  return (
    <Card title={`To ${percentText(next)}`} aside={<VerdictMark value={gate.value} />}>
      {waits.length === 0 ? <p>It climbs at the next turn.</p> : <Waits lines={waits} />}
    </Card>
  )
}

function Waits({ lines }: { readonly lines: readonly string[] }) {
  return (
    <ul class="waits">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  )
}

function ShareChart({ rollout }: { readonly rollout: RolloutView }) {
  const all = samples.value
  return (
    <Chart
      label={`Share of ${rollout.name} over time`}
      at={all.map(({ at }) => Date.parse(at))}
      lines={[
        {
          label: 'target',
          colour: 'canary',
          width: 2.5,
          stepped: true,
          values: all.map(({ share }) => share.target),
        },
        {
          label: 'observed',
          colour: 'ink-3',
          dash: [2, 3],
          width: 1.5,
          values: all.map(({ share }) => share.observed),
        },
        {
          label: 'flag ceiling',
          colour: 'brand',
          dash: [8, 4],
          width: 1.5,
          stepped: true,
          values: all.map(({ share }) => share.flag),
        },
      ]}
      marks={marksOf(events.value, rollout.name)}
      range={[0, 104]}
      ticks={[0, 25, 50, 75, 100]}
      text={(value) => percentText(value, 1)}
      height={180}
    />
  )
}
