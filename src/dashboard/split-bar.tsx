import type { RolloutView } from '../api/views/rollout.ts'
import { percentText } from './format.ts'
import { ArmMark } from './ui.tsx'

/** The gate: how much goes to the canary, how much was seen to, and how much the flag and the plan allow. */

export function SplitBar({ rollout }: { readonly rollout: RolloutView }) {
  const { target, observed, flag, height } = rollout.share
  return (
    <div class="split">
      <div class="split-ends">
        <span>
          <ArmMark arm="canary" /> <b>{percentText(target)}</b>
        </span>
        <span>
          <b>{percentText(100 - target)}</b> <ArmMark arm="control" />
        </span>
      </div>
      <div class="split-bar" aria-hidden="true">
        <div class="split-canary" style={{ width: `${target}%` }} />
        {flag !== null && <div class="split-flag" style={{ left: `${flag}%` }} />}
        {observed !== null && <div class="split-observed" style={{ left: `${observed}%` }} />}
      </div>
      <dl class="shares">
        <Share term="Target" value={percentText(target)} means="what new requests are split by" />
        <Share
          term="Observed"
          mark="▲"
          value={percentText(observed)}
          means="of the draws of the last minute"
        />
        <Share
          term="Flag ceiling"
          mark="┃"
          value={flag === null ? 'per request' : percentText(flag)}
          means="the owner’s remote control"
        />
        <Share term="Plan height" value={percentText(height)} means="what the plan allows now" />
      </dl>
    </div>
  )
}

function Share({
  term,
  value,
  means,
  mark,
}: {
  readonly term: string
  readonly value: string
  readonly means: string
  readonly mark?: string
}) {
  return (
    <div title={means}>
      <dt>
        {mark !== undefined && <span aria-hidden="true">{mark} </span>}
        {term}
      </dt>
      <dd>{value}</dd>
    </div>
  )
}
