import { useState } from 'preact/hooks'
import type { RequestView } from '../../api/views/request.ts'
import type { RolloutView } from '../../api/views/rollout.ts'
import { MOST_REQUESTS, MOST_ROWS } from '../bounded.ts'
import { millisText, percentText, timeText, wordsOf } from '../format.ts'
import { usePolled } from '../polled.ts'
import { addressOf, place } from '../route.ts'
import { ArmMark, Card, Empty, Filter } from '../ui.tsx'

/** Requests as they come, and why each went where it went. No content: Headgate does not keep any. */

const EVERY_MS = 1_500

type Trace = NonNullable<RequestView['trace']>

export function RequestsScreen({ rollout }: { readonly rollout: RolloutView }) {
  const { item } = place.value
  return item === null ? <Tail rollout={rollout} /> : <Explain rollout={rollout} id={item} />
}

function Tail({ rollout }: { readonly rollout: RolloutView }) {
  const [words, setWords] = useState('')
  const [still, setStill] = useState<readonly RequestView[] | null>(null)
  const query = `requests?rollout=${encodeURIComponent(rollout.name)}&limit=${MOST_REQUESTS}`
  const { answer } = usePolled<{ items: RequestView[] }>(still === null ? query : null, EVERY_MS)
  const all = still ?? answer?.items ?? []
  const wanted = words.trim().toLowerCase()
  const found = all.filter((request) => textOf(request).includes(wanted)).slice(0, MOST_ROWS)
  return (
    <Card
      main
      title="Requests"
      aside={
        <div class="tools">
          <Filter words={words} hint="Arm, reason, outcome, model, id" onWords={setWords} />
          <button type="button" onClick={() => setStill(still === null ? all : null)}>
            {still === null ? 'Hold' : 'Follow'}
          </button>
        </div>
      }
    >
      {found.length === 0 ? (
        <p class="quiet-words">
          {answer === null && still === null
            ? 'One moment.'
            : wanted === ''
              ? 'No request has come since Headgate began.'
              : 'No request is like that.'}
        </p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard
        <div class="scroll" tabIndex={0}>
          <table class="requests">
            <thead>
              <tr>
                <th scope="col">Time</th>
                <th scope="col">Arm</th>
                <th scope="col">Why</th>
                <th scope="col">Outcome</th>
                <th scope="col">Model</th>
                <th scope="col" class="number">
                  First byte
                </th>
                <th scope="col" class="number">
                  Whole
                </th>
                <th scope="col">Request</th>
              </tr>
            </thead>
            <tbody>
              {found.map((request) => (
                <RequestRow key={request.id} request={request} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Card>
  )
}

function RequestRow({ request }: { readonly request: RequestView }) {
  const { id, at, assigned, reason, model, rollout, attempts } = request
  const last = attempts.at(-1)
  const arm = last?.arm ?? assigned
  return (
    <tr>
      <td class="number">{timeText(at)}</td>
      <td>
        <ArmMark arm={arm} />
        {arm !== assigned && <span class="fine"> for {assigned}</span>}
      </td>
      <td>{wordsOf(reason)}</td>
      <td>{attempts.map(({ outcome }) => wordsOf(outcome)).join(', then ')}</td>
      <td class="cut">{model ?? '–'}</td>
      <td class="number">{millisText(last?.firstByteMs ?? null)}</td>
      <td class="number">{millisText(last?.durationMs ?? null)}</td>
      <td>
        <a class="id" data-row href={addressOf('requests', rollout, id)}>
          {id.slice(0, 11)}…<span class="unseen"> {id.slice(11)}</span>
        </a>
      </td>
    </tr>
  )
}

function textOf({ id, assigned, reason, model, attempts, endpoint, caller }: RequestView): string {
  const each = attempts.flatMap(({ arm, outcome, upstream }) => [arm, outcome, upstream])
  return [id, assigned, reason, model, endpoint, caller, ...each]
    .join(' ')
    .replaceAll('_', ' ')
    .toLowerCase()
}

/** One request, from the draw to the last byte. */
function Explain({ rollout, id }: { readonly rollout: RolloutView; readonly id: string }) {
  const { answer, refused } = usePolled<RequestView>(`requests/${encodeURIComponent(id)}`, 60_000)
  const back = <a href={addressOf('requests', rollout.name)}>All requests</a>
  if (answer === null) {
    return (
      <Empty title={refused === null ? 'One moment' : 'This request is not remembered'}>
        {refused !== null && (
          <p>
            {refused.message} The last 5,000 attempts are, and of those that went well a hundred a
            second; <code>headgate explain {id}</code> asks the same. {back}
          </p>
        )}
      </Empty>
    )
  }
  const {
    unit,
    split,
    assigned,
    reason,
    attempts,
    evidence,
    endpoint,
    model,
    stream,
    caller,
    at,
    trace,
  } = answer
  return (
    <Card main title={`Request ${answer.id}`} aside={back}>
      <dl class="facts">
        <Fact name="when">{timeText(at)}</Fact>
        <Fact name="asked">
          {endpoint}, {model ?? 'no model'}
          {stream ? ', streamed' : ''}
          {caller === null ? '' : `, by ${caller}`}
        </Fact>
        <Fact name="unit">
          {unit.source === null ? 'none' : `from the ${unit.source}`}
          {unit.position === null ? '' : `, at ${percentText(unit.position)} of all units`}
        </Fact>
        <Fact name="split">
          {percentText(split.share)} to the canary: plan {percentText(split.height)}, flag{' '}
          {percentText(split.flag)};{' '}
          {split.state === null ? 'nothing known of the rollout' : wordsOf(split.state)}, version{' '}
          {split.version ?? '–'}
        </Fact>
        <Fact name="drawn">
          <ArmMark arm={assigned} />, because: {wordsOf(reason)}
        </Fact>
        <Fact name="evidence">
          {evidence.counted ? 'counted' : 'not counted'}: {evidence.words}
        </Fact>
        {trace !== null && (
          <Fact name="trace">
            <TraceWords trace={trace} />
          </Fact>
        )}
      </dl>
      <ol class="attempts">
        {attempts.map((attempt, index) => (
          <li key={index}>
            <ArmMark arm={attempt.arm} /> {attempt.upstream}: <b>{wordsOf(attempt.outcome)}</b>
            {attempt.status === null ? '' : `, status ${attempt.status}`}
            {attempt.model === null ? '' : `, ${attempt.model}`}, first byte{' '}
            {millisText(attempt.firstByteMs)}, whole {millisText(attempt.durationMs)}
          </li>
        ))}
      </ol>
    </Card>
  )
}

function TraceWords({ trace: { id, kept, url } }: { readonly trace: Trace }) {
  if (!kept) return <>{id}, not sampled: kept should a rollback follow within a minute</>
  if (url === null) return <>{id}</>
  return (
    <a class="id" href={url} target="_blank" rel="noopener noreferrer">
      {id}
      <span class="unseen"> (opens the traces’ backend)</span>
    </a>
  )
}

function Fact({
  name,
  children,
}: {
  readonly name: string
  readonly children: preact.ComponentChildren
}) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  )
}
