import { useState } from 'preact/hooks'
import type { RolloutView } from '../../api/views/rollout.ts'
import { callsDiff, type Run, wordDiff } from '../../compare/diff.ts'
import { jsonChanges } from '../../compare/json.ts'
import type { Content, Pair, Side } from '../../types.ts'
import { countText, millisText, timeText, usdText, wordsOf } from '../format.ts'
import { GoldenCard, GoldenSet } from '../golden.tsx'
import { usePolled } from '../polled.ts'
import { addressOf, place } from '../route.ts'
import { type Row, Table } from '../table.tsx'
import { ArmMark, Card, Copyable, Empty } from '../ui.tsx'

/** The same request answered by both arms, side by side. */

const EVERY_MS = 3_000
const SHOWN = ['all', 'different', 'findings'] as const

export function PairsScreen({ rollout }: { readonly rollout: RolloutView }) {
  if (rollout.drift === null) return <NoShadow />
  const { item } = place.value
  return item === null ? <PairList rollout={rollout} /> : <PairDetail rollout={rollout} id={item} />
}

function NoShadow() {
  return (
    <Empty title="Nothing is asked twice">
      <p>
        Shadow is not configured for this rollout. With it, a small part of the requests is copied
        to the other arm; the caller never sees that answer, and here you see both beside each
        other, with what differs.
      </p>
      <Copyable text={'rollouts:\n  relay:\n    shadow: { rate: 1%, probes: 1% }'} />
      <p>
        Copies cost money and are bounded by their own budget. Texts are kept only where you say so.
      </p>
    </Empty>
  )
}

function PairList({ rollout }: { readonly rollout: RolloutView }) {
  const [only, setOnly] = useState<(typeof SHOWN)[number]>('all')
  const filter = only === 'all' ? '' : `&only=${only}`
  const path = `pairs?rollout=${encodeURIComponent(rollout.name)}&limit=100${filter}`
  const { answer, refused } = usePolled<{ items: Pair[] }>(path, EVERY_MS)
  return (
    <>
      <Card
        main
        title="Pairs"
        aside={
          <label class="theme">
            <span class="unseen">Show</span>
            <select
              data-filter
              value={only}
              onChange={({ currentTarget }) =>
                setOnly(SHOWN.find((one) => one === currentTarget.value) ?? 'all')
              }
            >
              {SHOWN.map((one) => (
                <option key={one} value={one}>
                  {one}
                </option>
              ))}
            </select>
          </label>
        }
      >
        {answer === null || answer.items.length === 0 ? (
          <p class="quiet-words">
            {refused?.message ?? (answer === null ? 'One moment.' : 'No pair is like that yet.')}
          </p>
        ) : (
          <ol class="pairs">
            {answer.items.map((pair) => (
              <PairRow key={pair.id} pair={pair} />
            ))}
          </ol>
        )}
      </Card>
      <GoldenSet rollout={rollout.name} />
    </>
  )
}

function PairRow({ pair }: { readonly pair: Pair }) {
  const { id, at, rollout, verdict, similarity, differences, findings, modelAsked, kind } = pair
  const words = [...findings, ...differences].map((one) => one.words)
  return (
    <li>
      <a class={`pair pair-${verdict}`} data-row href={addressOf('pairs', rollout, id)}>
        <PairVerdict pair={pair} />
        <span class="pair-words">{words.slice(0, 3).join('; ') || 'nothing differs'}</span>
        <span class="fine">
          {modelAsked ?? 'no model'} · {kind}
          {similarity !== null && ` · alike ${similarity.score.toFixed(2)}, ${similarity.method}`} ·{' '}
          {timeText(at)}
        </span>
      </a>
    </li>
  )
}

const VERDICTS: Readonly<Record<Pair['verdict'], string>> = {
  same: '=',
  equivalent: '≈',
  different: '≠',
  unparseable: '?',
  inconclusive: '…',
}

function PairVerdict({ pair }: { readonly pair: Pair }) {
  return (
    <b class="pair-verdict">
      <span aria-hidden="true">{VERDICTS[pair.verdict]}</span> {pair.verdict}
      {pair.findings.length > 0 && (
        <span class="ill"> · {countText(pair.findings.length)} found</span>
      )}
    </b>
  )
}

/** @param tie the canary is as like control as control is like itself */
function oddWords(odd: boolean, tie: boolean): string {
  if (odd && tie) return 'none is the odd one out, and the lot fell on the canary'
  return odd ? 'the canary is the odd one out' : 'the canary is not the odd one out'
}

function PairDetail({ rollout, id }: { readonly rollout: RolloutView; readonly id: string }) {
  const { answer: pair, refused } = usePolled<Pair>(`pairs/${encodeURIComponent(id)}`, 60_000)
  const back = <a href={addressOf('pairs', rollout.name)}>All pairs</a>
  if (pair === null) {
    return (
      <Empty title={refused === null ? 'One moment' : 'This pair is not remembered'}>{back}</Empty>
    )
  }
  const { control, canary, again, findings, differences, similarity, noise, odd, question } = pair
  return (
    <>
      <Card main title={`Pair ${pair.id}`} aside={back}>
        <p>
          <PairVerdict pair={pair} />
          {similarity !== null && `, alike ${similarity.score.toFixed(3)} (${similarity.method})`}
          {noise !== null && `; control is like itself ${noise.toFixed(3)}`}
          {odd !== null && `; ${oddWords(odd, similarity?.score === noise)}`}.{' '}
          <a href={addressOf('requests', rollout.name, pair.requestId)}>Its request</a>,{' '}
          {timeText(pair.at)}.
        </p>
        <ul class="waits">
          {findings.map(({ kind, words }) => (
            <li key={words} class="ill">
              <b>{wordsOf(kind)}</b>: {words}
            </li>
          ))}
          {differences.map(({ kind, path, words }) => (
            <li key={`${kind} ${path} ${words}`}>
              <b>{wordsOf(kind)}</b>
              {path !== null && (
                <>
                  {' '}
                  at <code>{path}</code>
                </>
              )}
              : {words}
            </li>
          ))}
        </ul>
      </Card>
      {question !== null && (
        <Card title="The request">
          <pre class="text">{question}</pre>
        </Card>
      )}
      <Texts control={control.content} canary={canary.content} />
      <GoldenCard pair={pair} />
      <div class="sides">
        <SideCard arm="control" side={control} />
        <SideCard arm="canary" side={canary} />
        {again !== null && <SideCard arm="control" side={again} again />}
      </div>
    </>
  )
}

/** Both texts with what is not in the other; and what is JSON, place by place. */
function Texts({
  control,
  canary,
}: {
  readonly control: Content | null
  readonly canary: Content | null
}) {
  if (control === null || canary === null) {
    return (
      <Card title="What they said">
        <p class="quiet-words">
          Texts are not kept: hashes and lengths are. <code>shadow.content.capture</code> keeps
          them, redacted and for a time.
        </p>
      </Card>
    )
  }
  const [one, other] = [control.text ?? '', canary.text ?? '']
  const calls = control.tools.length + canary.tools.length
  if (one === '' && other === '' && calls === 0) {
    return (
      <Card title="What they said">
        <p class="quiet-words">
          Neither said anything in words: see what differs, and the numbers.
        </p>
      </Card>
    )
  }
  const runs = wordDiff(one, other)
  return (
    <Card title="What they said">
      <Changes changes={[...valueChanges(one, other), ...callChanges(control, canary)]} />
      <div class="sides">
        <Marked arm="control" runs={runs.filter(({ kind }) => kind !== 'added')} of={control} />
        <Marked arm="canary" runs={runs.filter(({ kind }) => kind !== 'removed')} of={canary} />
      </div>
    </Card>
  )
}

interface Change {
  readonly where: string
  /** JSON; null where there is none. */
  readonly control: string | null
  readonly canary: string | null
}

/** Nothing where one of them is no JSON of more than one value. */
function valueChanges(one: string, other: string): Change[] {
  const [left, right] = [parsed(one), parsed(other)]
  if (!isNested(left) || !isNested(right)) return []
  return jsonChanges(left, right).map((change) => ({
    where: change.path || 'all of it',
    control: jsonOf(change.one),
    canary: jsonOf(change.other),
  }))
}

function callChanges(control: Content, canary: Content): Change[] {
  return callsDiff(control.tools, canary.tools).map(({ call, tool, path, before, after }) => ({
    where: `call ${call + 1}, ${tool}${path === '' ? '' : `: ${path}`}`,
    control: before,
    canary: after,
  }))
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function isNested(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}

function jsonOf(value: unknown): string | null {
  return value === undefined ? null : JSON.stringify(value)
}

const MOST_CHANGES = 50

function Changes({ changes }: { readonly changes: readonly Change[] }) {
  if (changes.length === 0) return null
  const rows = changes
    .slice(0, MOST_CHANGES)
    .map(
      ({ where, control, canary }): Row => [
        <code>{where}</code>,
        control ?? 'missing',
        canary ?? 'missing',
      ],
    )
  return <Table class="changes" columns={CHANGED} rows={rows} />
}

const CHANGED = [
  { head: 'Where' },
  { head: <ArmMark arm="control" /> },
  { head: <ArmMark arm="canary" /> },
]

interface MarkedProps {
  readonly arm: 'control' | 'canary'
  readonly runs: readonly Run[]
  readonly of: Content
}

function Marked({ arm, runs, of }: MarkedProps) {
  return (
    <div>
      <ArmMark arm={arm} />
      {runs.length > 0 && (
        <pre class="text">
          {runs.map(({ kind, text }, index) =>
            kind === 'same' ? <span key={index}>{text}</span> : <mark key={index}>{text}</mark>,
          )}
        </pre>
      )}
      {of.tools.map(({ name, arguments: given }, index) => (
        <pre key={index} class="text">
          {name}({given})
        </pre>
      ))}
    </div>
  )
}

interface SideProps {
  readonly arm: 'control' | 'canary'
  readonly side: Side
  readonly again?: boolean
}

function SideCard({ arm, side, again = false }: SideProps) {
  const { outcome, status, finishReason, modelAnswered, usage, firstByteMs, durationMs, costUsd } =
    side
  const rows: readonly Row[] = [
    ['outcome', `${wordsOf(outcome)}${status === null ? '' : `, ${status}`}`],
    ['finish', finishReason ?? '–'],
    ['model', modelAnswered ?? '–'],
    [
      'text',
      side.textLength === null
        ? 'none'
        : `${countText(side.textLength)} characters, ${side.textHash?.slice(0, 8)}`,
    ],
    ['tools', side.tools.map(({ name }) => name).join(', ') || 'none'],
    [
      'tokens',
      `${countText(usage?.inputTokens ?? null)} in, ${countText(usage?.outputTokens ?? null)} out`,
    ],
    ['first byte', millisText(firstByteMs)],
    ['whole', millisText(durationMs)],
    ['cost', usdText(costUsd)],
  ]
  return (
    <section class="card">
      <h2>
        <ArmMark arm={arm} /> {again && 'again'}
      </h2>
      <Table columns={[{}, {}]} rows={rows} />
    </section>
  )
}
