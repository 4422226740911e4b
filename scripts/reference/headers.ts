import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Outcome, Reason, RolloutState, ShadowDrop } from '../../src/types.ts'

/** `docs/reference/headers.md`: headers, and the closed lists of words in them, each with its meaning or it does not compile. */

const PROXY = join(import.meta.dirname, '../../src/proxy')

const OF_ANSWERS: Readonly<Record<string, string>> = {
  'x-headgate-request-id':
    'The request; `headgate explain` takes it. It is `x-request-id` too where the upstream sent none.',
  'x-headgate-arm': 'The arm that answered: `control`, `canary`.',
  'x-headgate-assigned': 'The arm that was drawn, where that is another one (failover).',
  'x-headgate-reason': 'Why it went there; the list is below.',
  'x-headgate-rollout': 'The rollout; absent where none had a say.',
  'server-timing':
    '`headgate;dur=…, upstream;dur=…` in milliseconds: what Headgate took, and the upstream to the first byte.',
  'x-should-retry':
    '`false` on errors of Headgate’s own once the budget of second tries is spent. SDKs heed it.',
}

const OF_REQUESTS: Readonly<Record<string, string>> = {
  'x-headgate-unit': 'The unit, what is hashed to pick the arm. It goes no further.',
  'x-headgate-arm':
    '`control` from anybody, `canary` where the rollout says `force: true`. Never evidence.',
  'x-headgate-class':
    'A class of timeouts: `simple`, `moderate`, `complex`, `architectural`, `batch`.',
  traceparent: 'W3C Trace Context: the trace goes on through Headgate and to the upstream.',
}

const REASONS: Readonly<Record<Reason, string>> = {
  split: 'drawn by the unit’s bucket',
  failover: 'the canary was drawn, failed before the first byte, and control answered',
  unmatched: 'no rollout matches',
  killed: 'the kill flag is on, or `HEADGATE_KILL=1`',
  pinned: 'it needs state that one upstream holds',
  excluded: '`exclude` names it, or the canary has no such model',
  forced: 'the caller asked for it',
  stale: 'flags, split or store are not known well enough',
  latched: 'the rollout was rolled back',
  suspended: 'a tripwire stopped it',
  idle: 'the rollout has not begun',
  flag_off: 'the flag is absent, off, or at 0 % for this request',
  no_unit: 'there is no unit, and no draw without one',
  cooldown: 'the canary asked for less a moment ago',
  capped: 'the canary has as much as its limits or its budget allow',
}

const OUTCOMES: Readonly<Record<Outcome, string>> = {
  ok: 'well answered',
  rejected: 'a 4xx that the caller caused',
  auth: '401, 402 or 403: the upstream does not take the key',
  rate_limited: '429',
  upstream_error: '408, 5xx, or a 404 that control does not confirm',
  connect_error: 'no connection, or it broke before the answer',
  timeout_connect: 'no connection in time',
  timeout_first_byte: 'a stream without content in time',
  timeout_idle: 'a stream that stopped in the middle',
  timeout_total: 'a whole answer that took too long',
  truncated: 'ended before its end mark, or short of its length',
  error_in_stream: 'an error inside of a 200',
  malformed: 'not the format of this endpoint',
  empty: 'no text, tool call or refusal',
  wrong_model: 'another model than was asked for',
  cancelled: 'the caller left; no blame',
}

const STATES: Readonly<Record<RolloutState, string>> = {
  idle: 'not begun, or rearmed',
  ramping: 'on its way up',
  holding: 'its time is served, evidence is missing',
  paused: 'a person stopped the climb',
  suspended: 'a tripwire closed it; probes decide',
  rolled_back: 'closed until a person rearms it',
  complete: 'the plan is done',
}

const DROPS: Readonly<Record<ShadowDrop, string>> = {
  not_allowed: 'it, or its endpoint, is not on the list of what may be asked twice',
  no_answer: 'the live answer failed, was cut or was left',
  too_large: 'a body larger than `shadow.maxBody`',
  concurrency: 'as many are under way as may be',
  requests: 'the hour’s requests are spent',
  bytes: 'the hour’s bytes are spent',
  tokens: 'the hour’s tokens are spent',
  usd: 'the hour’s dollars are spent',
  busy: 'the upstream has no place beside live requests, or asked for less',
  closed: 'the canary is suspended, rolled back, killed or out of money',
  draining: 'the process is on its way out',
  timeout: 'cut by the end of its time',
}

export function headersText(): string {
  const unknown = sentBy().filter((name) => !(name in OF_ANSWERS || name in OF_REQUESTS))
  if (unknown.length > 0) throw new Error(`say what these headers mean: ${unknown.join(', ')}`)
  return `# Headers, reasons, outcomes

After this page you can read what an answer says about itself, and what a request may ask for. It is made from the code (\`npm run reference\`).

## On answers

${table('header', OF_ANSWERS)}

\`retry-after\`, \`x-ratelimit-*\`, \`openai-*\`, \`anthropic-*\` and the upstream’s own \`x-request-id\` or \`request-id\` keep their names. An upstream’s \`x-headgate-*\`,
cookies and policies for browsers are dropped.

## On requests

${table('header', OF_REQUESTS)}

All other \`x-headgate-*\` headers of a caller are dropped. Neither arm sees the caller’s key, cookies or \`x-forwarded-*\`.

## Reasons

In \`x-headgate-reason\`, spans and \`explain\`. [How a request is decided](../concepts/request.md) has their order.

${table('reason', REASONS)}

## Outcomes

How one attempt ended, in one word: in metrics, spans, \`explain\` and the rollout’s \`arms\`. Failures hide in 200s, so this is not the status.

${table('outcome', OUTCOMES)}

## States

Of a rollout, in \`status\`, the API and metrics. [How a rollout climbs](../concepts/rollout.md#the-states) has what leads from one to the next.

${table('state', STATES)}

## Dropped shadows

Why a request that was drawn for a [shadow](../guides/shadow.md) has none, in \`drift.shadows.dropped\`.

${table('why', DROPS)}
`
}

function table(head: string, words: Readonly<Record<string, string>>): string {
  const rows = Object.entries(words).map(([word, meaning]) => `| \`${word}\` | ${meaning} |`)
  return `| ${head} | |\n| --- | --- |\n${rows.join('\n')}`
}

/** The names of Headgate's own headers in the data plane's code. */
function sentBy(): readonly string[] {
  const names = readdirSync(PROXY).flatMap((file) => {
    const text = readFileSync(join(PROXY, file), 'utf8')
    return [...text.matchAll(/'(x-headgate-\w[\w-]*\w|x-should-retry)'/g)].map(
      ([, name = '']) => name,
    )
  })
  return [...new Set(names)]
}
