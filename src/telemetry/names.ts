import type { SpanAttributes, SpanValue } from '../ports.ts'
import { GENAI_SECONDS, HTTP_SECONDS, TOKENS } from './bounds.ts'

/**
 * Every name that leaves this process, with its unit and how far it is to be relied on. `docs/reference/telemetry.md` is made from this
 * file. The names of GenAI are those of semantic conventions 1.41, which backends read; the newer ones are `latest`, for those who set
 * `OTEL_SEMCONV_STABILITY_OPT_IN=gen_ai_latest_experimental`.
 */

/**
 * `stable`, `release_candidate` and `development` are OpenTelemetry's own words for its conventions; `headgate` is ours, and changes in a
 * minor version at most.
 */
export type Stability = 'stable' | 'release_candidate' | 'development' | 'headgate'

export interface Attribute {
  readonly name: string
  readonly stability: Stability
  readonly meaning: string
}

function attribute(name: string, stability: Stability, meaning: string): Attribute {
  return { name, stability, meaning }
}

/** Attributes of metrics. Each has few values: what a caller or an upstream words itself is capped. */
export const LABELS = {
  method: attribute(
    'http.request.method',
    'stable',
    'The method; `_OTHER` for one that HTTP does not define',
  ),
  route: attribute(
    'http.route',
    'stable',
    'The path of an endpoint whose answers are read; `/v1/*` for the rest',
  ),
  scheme: attribute('url.scheme', 'stable', '`http`: TLS ends in front of Headgate'),
  status: attribute(
    'http.response.status_code',
    'stable',
    'The status; absent where there was none',
  ),
  errorType: attribute(
    'error.type',
    'stable',
    'The status of a failure, or the outcome where the status was good; absent without failure',
  ),
  server: attribute('server.address', 'stable', 'The host of the upstream, as config has it'),
  port: attribute('server.port', 'stable', 'Its port'),
  operation: attribute(
    'gen_ai.operation.name',
    'development',
    '`chat`, `text_completion`, `embeddings`, `count_tokens`',
  ),
  provider: attribute(
    'gen_ai.provider.name',
    'development',
    'The dialect that was spoken: `openai`, `anthropic`',
  ),
  modelAsked: attribute(
    'gen_ai.request.model',
    'development',
    'The model that was asked for; `other` past the cap',
  ),
  modelAnswered: attribute(
    'gen_ai.response.model',
    'development',
    'The model that answered; `other` past the cap',
  ),
  tokenType: attribute(
    'gen_ai.token.type',
    'development',
    '`input` (cached tokens included), `output`',
  ),
  arm: attribute('headgate.arm', 'headgate', 'The arm that did it: `control`, `canary`'),
  assigned: attribute('headgate.assigned', 'headgate', 'The arm that was drawn'),
  reason: attribute(
    'headgate.reason',
    'headgate',
    'Why the request went to its arm, as in `x-headgate-reason`',
  ),
  outcome: attribute('headgate.outcome', 'headgate', 'How the attempt ended, in one word'),
  role: attribute(
    'headgate.role',
    'headgate',
    '`live` for a caller; `shadow` for a copy of a request, `probe` for a test of both arms, `question` for a small one that tells models apart: what Headgate asks by itself',
  ),
  rollout: attribute(
    'headgate.rollout.name',
    'headgate',
    'The rollout; absent where none had a say',
  ),
  state: attribute(
    'headgate.rollout.state',
    'headgate',
    '`idle`, `ramping`, `holding`, `paused`, `suspended`, `rolled_back`, `complete`',
  ),
  share: attribute(
    'headgate.share',
    'headgate',
    '`target`, `observed` over the last minute, `flag`',
  ),
  verdict: attribute('headgate.verdict', 'headgate', '`pass`, `fail`, `inconclusive`'),
  by: attribute(
    'headgate.by',
    'headgate',
    'Who decided: `guard`, `tripwire`, `probes`, `gate`, `plan`, or `person`',
  ),
  comparison: attribute(
    'headgate.shadow.verdict',
    'headgate',
    '`same`, `equivalent`, `different`, `unparseable`, `inconclusive`',
  ),
  finding: attribute(
    'headgate.shadow.finding',
    'headgate',
    'A kind of finding, such as `model_echo`',
  ),
  why: attribute(
    'headgate.shadow.why',
    'headgate',
    'Why there was no shadow: `not_allowed`, `no_answer`, `concurrency`, a spent budget, `busy`, `closed`, …',
  ),
  caller: attribute(
    'headgate.caller',
    'headgate',
    'A caller with a budget, by its name in config; no other caller is in a metric',
  ),
  period: attribute('headgate.period', 'headgate', '`day`, `month`, in UTC'),
  signal: attribute(
    'headgate.signal',
    'headgate',
    'What was dropped: `spans`, `logs`, `metrics`, `webhooks`',
  ),
  overflow: attribute(
    'otel.metric.overflow',
    'stable',
    '`true` on the one series that holds what found no place',
  ),
} as const satisfies Record<string, Attribute>

export type Label = keyof typeof LABELS

/** What spans and their events say beside `LABELS`. No content, no secret; a unit only as a hash. */
export const SPAN_LABELS = {
  path: attribute('url.path', 'stable', 'The path of a caller’s request'),
  url: attribute('url.full', 'stable', 'Where an attempt went, without its query'),
  resends: attribute(
    'http.request.resend_count',
    'stable',
    'Tries at the same upstream before this one; absent for the first',
  ),
  apiType: attribute('openai.api.type', 'development', '`responses` on that endpoint'),
  stream: attribute('gen_ai.request.stream', 'development', '`true` where a stream was asked for'),
  choices: attribute(
    'gen_ai.request.choice.count',
    'development',
    'Answers asked for, where that is not one',
  ),
  seed: attribute('gen_ai.request.seed', 'development', 'As asked'),
  maxTokens: attribute('gen_ai.request.max_tokens', 'development', 'As asked'),
  temperature: attribute('gen_ai.request.temperature', 'development', 'As asked'),
  topP: attribute('gen_ai.request.top_p', 'development', 'As asked'),
  topK: attribute('gen_ai.request.top_k', 'development', 'As asked'),
  frequencyPenalty: attribute('gen_ai.request.frequency_penalty', 'development', 'As asked'),
  presencePenalty: attribute('gen_ai.request.presence_penalty', 'development', 'As asked'),
  outputType: attribute('gen_ai.output.type', 'development', '`json` where a format was asked for'),
  responseId: attribute('gen_ai.response.id', 'development', 'Of a Responses answer'),
  finishReasons: attribute('gen_ai.response.finish_reasons', 'development', 'Why the answer ended'),
  firstChunk: attribute(
    'gen_ai.response.time_to_first_chunk',
    'development',
    'Of a stream, in seconds',
  ),
  inputTokens: attribute('gen_ai.usage.input_tokens', 'development', 'Cached ones included'),
  outputTokens: attribute('gen_ai.usage.output_tokens', 'development', 'Reasoning included'),
  cacheRead: attribute(
    'gen_ai.usage.cache_read.input_tokens',
    'development',
    'Of the input, from a cache',
  ),
  cacheCreation: attribute(
    'gen_ai.usage.cache_creation.input_tokens',
    'development',
    'Of the input, into a cache',
  ),
  reasoning: attribute('gen_ai.usage.reasoning.output_tokens', 'development', 'Of the output'),
  flag: attribute('feature_flag.key', 'release_candidate', 'The flag of the rollout'),
  variant: attribute('feature_flag.result.variant', 'release_candidate', 'The arm that was drawn'),
  flagReason: attribute(
    'feature_flag.result.reason',
    'release_candidate',
    '`split`, `disabled`, `stale`, or another word of `headgate.reason`',
  ),
  flagVersion: attribute(
    'feature_flag.version',
    'release_candidate',
    'Hash of the flag document it was drawn by',
  ),
  flagContext: attribute(
    'feature_flag.context.id',
    'release_candidate',
    'SHA-256 of the rollout’s groupId and the unit; its first 16 digits',
  ),
  flagProvider: attribute(
    'feature_flag.provider.name',
    'release_candidate',
    '`unleash`, `headgate-file`',
  ),
  requestId: attribute('headgate.request_id', 'headgate', 'As in `x-headgate-request-id`'),
  check: attribute(
    'headgate.check',
    'headgate',
    'The check of `headgate doctor` that looks into this failure: `auth.style`; absent where none does',
  ),
  bucket: attribute(
    'headgate.bucket',
    'headgate',
    'Where its unit is, 0..9999; absent where nothing was drawn',
  ),
  drawnShare: attribute('headgate.share.drawn', 'headgate', 'The share it was drawn at, in 0..1'),
  upstream: attribute('headgate.upstream', 'headgate', 'Its name in config'),
  cost: attribute(
    'headgate.cost.usd',
    'headgate',
    'What the attempt cost, in dollars; absent where nobody knows',
  ),
  costEstimated: attribute(
    'headgate.cost.estimated',
    'headgate',
    '`true` where its tokens were guessed from bytes; else absent',
  ),
  step: attribute('headgate.rollout.step', 'headgate', 'Step of the plan, 0 for the first'),
  epoch: attribute('headgate.rollout.epoch', 'headgate', 'Life of the evidence'),
  version: attribute('headgate.rollout.version', 'headgate', 'One more with every decision'),
  attempts: attribute('headgate.attempt.count', 'headgate', 'Attempts at upstreams'),
  kept: attribute(
    'headgate.kept',
    'headgate',
    'Why the trace is here: `sampled`, `failure`, `failover`, `rollback` (it was near one), `always`',
  ),
  event: attribute(
    'headgate.event.id',
    'headgate',
    'The event in the audit log, which names who decided',
  ),
  decision: attribute(
    'headgate.decision.type',
    'headgate',
    '`started`, `advanced`, `suspended`, `rolled_back` and the other types of events',
  ),
  why: attribute('headgate.decision.reason', 'headgate', 'In words, as in the audit log'),
  stateBefore: attribute('headgate.decision.state.before', 'headgate', 'Of the rollout'),
  heightBefore: attribute(
    'headgate.decision.height.before',
    'headgate',
    'The share to serve, flag apart, in 0..1',
  ),
  heightAfter: attribute('headgate.decision.height.after', 'headgate', 'The same after'),
  verdictBefore: attribute('headgate.verdict.before', 'headgate', 'What the judge said before'),
  verdictReasons: attribute('headgate.verdict.reasons', 'headgate', 'In words'),
} as const satisfies Record<string, Attribute>

type SpanLabel = keyof typeof SPAN_LABELS

/** Names of spans and of their events; `{…}` is filled in. */
export const SPANS = {
  server: {
    name: '{method} {route}',
    kind: 'server',
    meaning: 'A request of a caller, to its last byte',
  },
  operation: {
    name: '{operation} {model}',
    kind: 'client',
    meaning:
      'The call of a model, failover included; its parent is the request. A probe’s is a root',
  },
  attempt: { name: '{method}', kind: 'client', meaning: 'One attempt at one upstream' },
  decision: {
    name: 'headgate.decision {rollout}',
    kind: 'internal',
    meaning:
      'A change of a rollout; a root, always kept, linked to the canary’s last failure where it closes',
  },
} as const

export const SPAN_EVENTS = {
  evaluation: { name: 'feature_flag.evaluation', meaning: 'On the call: how the flag decided' },
  verdict: {
    name: 'headgate.verdict',
    meaning: 'On a decision: how the judge’s word changed since the one before',
  },
} as const

export type MetricKind = 'histogram' | 'counter' | 'gauge'

export interface Metric {
  readonly name: string
  /** The name under the newest conventions, where it is another. */
  readonly latest?: string
  readonly kind: MetricKind
  /** UCUM. */
  readonly unit: string
  /** Inclusive upper bounds; histograms only. */
  readonly buckets?: readonly number[]
  readonly stability: Stability
  readonly meaning: string
  readonly labels: readonly Label[]
}

const GENAI: readonly Label[] = [
  'operation',
  'provider',
  'modelAsked',
  'modelAnswered',
  'server',
  'port',
  'errorType',
  'arm',
  'assigned',
  'role',
  'rollout',
]

const COST: readonly Label[] = ['rollout', 'arm', 'role', 'modelAsked']

export const METRICS = {
  serverDuration: {
    name: 'http.server.request.duration',
    kind: 'histogram',
    unit: 's',
    buckets: HTTP_SECONDS,
    stability: 'stable',
    meaning: 'A request of a caller, to the last byte of its answer',
    labels: ['method', 'route', 'scheme', 'status', 'errorType'],
  },
  clientDuration: {
    name: 'http.client.request.duration',
    kind: 'histogram',
    unit: 's',
    buckets: HTTP_SECONDS,
    stability: 'stable',
    meaning: 'One attempt at one upstream, to the last byte of its answer',
    labels: ['method', 'server', 'port', 'status', 'errorType', 'arm', 'role', 'rollout'],
  },
  operationDuration: {
    name: 'gen_ai.client.operation.duration',
    latest: 'gen_ai.client.inference.duration',
    kind: 'histogram',
    unit: 's',
    buckets: GENAI_SECONDS,
    stability: 'development',
    meaning: 'The whole call, failover included, to the last byte',
    labels: GENAI,
  },
  timeToFirstChunk: {
    name: 'gen_ai.client.operation.time_to_first_chunk',
    latest: 'gen_ai.client.inference.time_to_first_chunk',
    kind: 'histogram',
    unit: 's',
    buckets: GENAI_SECONDS,
    stability: 'development',
    meaning: 'To the first content of a stream, failover included',
    labels: GENAI,
  },
  tokenUsage: {
    name: 'gen_ai.client.token.usage',
    kind: 'histogram',
    unit: '{token}',
    buckets: TOKENS,
    stability: 'development',
    meaning: 'Tokens of one call, where the upstream said how many',
    labels: [...GENAI, 'tokenType'],
  },
  inputTokens: {
    name: 'gen_ai.client.inference.usage.input_tokens',
    kind: 'counter',
    unit: '{token}',
    stability: 'development',
    meaning:
      'Tokens that were asked with, cached ones included; only with the newest conventions, in place of the histogram',
    labels: GENAI,
  },
  outputTokens: {
    name: 'gen_ai.client.inference.usage.output_tokens',
    kind: 'counter',
    unit: '{token}',
    stability: 'development',
    meaning:
      'Tokens that were answered with; only with the newest conventions, in place of the histogram',
    labels: GENAI,
  },
  attempts: {
    name: 'headgate.attempts',
    kind: 'counter',
    unit: '{attempt}',
    stability: 'headgate',
    meaning:
      'Attempts by how they ended: a failure that failover repaired is counted here, under the canary',
    labels: ['rollout', 'arm', 'assigned', 'reason', 'outcome', 'role'],
  },
  cost: {
    name: 'headgate.cost',
    kind: 'counter',
    unit: '{USD}',
    stability: 'headgate',
    meaning:
      'What was spent, in dollars: attempts that have a price, as the ledger has them; shadows, probes and questions under their role',
    labels: COST,
  },
  costGuessed: {
    name: 'headgate.cost.guessed',
    kind: 'counter',
    unit: '{USD}',
    stability: 'headgate',
    meaning: 'The part of `headgate.cost` that was guessed from bytes, where no usage was told',
    labels: COST,
  },
  costCompared: {
    name: 'headgate.cost.compared',
    kind: 'counter',
    unit: '{USD}',
    stability: 'headgate',
    meaning:
      'The part of `headgate.cost` that could have gone to the other arm, where its price is known too',
    labels: COST,
  },
  costElsewhere: {
    name: 'headgate.cost.elsewhere',
    kind: 'counter',
    unit: '{USD}',
    stability: 'headgate',
    meaning:
      'What the other arm would have asked for what `headgate.cost.compared` counts. Of the canary, this less that is what was saved',
    labels: COST,
  },
  costUnpriced: {
    name: 'headgate.cost.unpriced',
    kind: 'counter',
    unit: '{attempt}',
    stability: 'headgate',
    meaning: 'Attempts that cost something nobody knows the price of: in no other metric of cost',
    labels: COST,
  },
  budgetLimit: {
    name: 'headgate.budget.limit',
    kind: 'gauge',
    unit: '{USD}',
    stability: 'headgate',
    meaning: 'What the canary of a rollout, or a caller, may cost in a day or a month',
    labels: ['rollout', 'caller', 'period'],
  },
  budgetSpent: {
    name: 'headgate.budget.spent',
    kind: 'gauge',
    unit: '{USD}',
    stability: 'headgate',
    meaning: 'What of it is spent in the present day or month',
    labels: ['rollout', 'caller', 'period'],
  },
  share: {
    name: 'headgate.rollout.share',
    kind: 'gauge',
    unit: '1',
    stability: 'headgate',
    meaning:
      'The canary’s part, in 0..1; the observed one is absent while nothing is drawn, the flag’s where it decides request by request',
    labels: ['rollout', 'share'],
  },
  state: {
    name: 'headgate.rollout.state',
    kind: 'gauge',
    unit: '{rollout}',
    stability: 'headgate',
    meaning: '1 for the state a rollout is in, 0 for the others',
    labels: ['rollout', 'state'],
  },
  step: {
    name: 'headgate.rollout.step',
    kind: 'gauge',
    unit: '{step}',
    stability: 'headgate',
    meaning: 'The step of the plan, 0 for the first; absent off the plan',
    labels: ['rollout'],
  },
  killed: {
    name: 'headgate.rollout.killed',
    kind: 'gauge',
    unit: '{rollout}',
    stability: 'headgate',
    meaning: '1 while the kill flag holds the rollout at 0 %',
    labels: ['rollout'],
  },
  verdict: {
    name: 'headgate.verdict',
    kind: 'gauge',
    unit: '{rollout}',
    stability: 'headgate',
    meaning: '1 for what the judge says of a rollout, 0 for the others',
    labels: ['rollout', 'verdict'],
  },
  rollbacks: {
    name: 'headgate.rollbacks',
    kind: 'counter',
    unit: '{rollback}',
    stability: 'headgate',
    meaning: 'Rollbacks that this process has written down',
    labels: ['rollout', 'by'],
  },
  shadowsSent: {
    name: 'headgate.shadow.sent',
    kind: 'counter',
    unit: '{request}',
    stability: 'headgate',
    meaning: 'Requests of shadows and of probes of meaning',
    labels: ['rollout'],
  },
  pairs: {
    name: 'headgate.shadow.pairs',
    kind: 'counter',
    unit: '{pair}',
    stability: 'headgate',
    meaning: 'Pairs of answers by what comparing them came to; `different` is a mismatch',
    labels: ['rollout', 'comparison'],
  },
  findings: {
    name: 'headgate.shadow.findings',
    kind: 'counter',
    unit: '{finding}',
    stability: 'headgate',
    meaning: 'What canaries were caught at, by kind',
    labels: ['rollout', 'finding'],
  },
  shadowsDropped: {
    name: 'headgate.shadow.dropped',
    kind: 'counter',
    unit: '{shadow}',
    stability: 'headgate',
    meaning: 'Requests that were drawn for a shadow and have none',
    labels: ['rollout', 'why'],
  },
  splitAge: {
    name: 'headgate.split.age',
    kind: 'gauge',
    unit: 's',
    stability: 'headgate',
    meaning: 'How old the data plane’s instruction is; past 30 s control answers',
    labels: [],
  },
  flagAge: {
    name: 'headgate.flag.age',
    kind: 'gauge',
    unit: 's',
    stability: 'headgate',
    meaning: 'How long ago the flag source confirmed its document; absent until it has',
    labels: [],
  },
  storeErrors: {
    name: 'headgate.store.errors',
    kind: 'counter',
    unit: '{error}',
    stability: 'headgate',
    meaning: 'Turns that failed at the store: `store_unavailable`, `store_corrupt`, `other`',
    labels: ['errorType'],
  },
  dropped: {
    name: 'headgate.exporter.dropped',
    kind: 'counter',
    unit: '{item}',
    stability: 'headgate',
    meaning: 'What telemetry could not deliver and let go',
    labels: ['signal'],
  },
} as const satisfies Record<string, Metric>

export type MetricKey = keyof typeof METRICS

/** What a series is told apart by: attribute names and values. */
export type Attributes = Readonly<Record<string, string | number | boolean>>

/** The same before it has names; null and what is absent is no attribute. */
export type LabelValues = Readonly<Partial<Record<Label, string | number | boolean | null>>>

/** @returns the attributes of these labels that have a value */
export function attributesOf(values: LabelValues): Attributes {
  const attributes: Record<string, string | number | boolean> = {}
  for (const [label, value] of Object.entries(values)) {
    if (value !== null) attributes[LABELS[label as Label].name] = value
  }
  return attributes
}

/** As `attributesOf`, for spans, of which thousands are made a second. */
export function spanAttributesOf(
  values: Readonly<Partial<Record<Label | SpanLabel, SpanValue | null>>>,
): SpanAttributes {
  const attributes: SpanAttributes[number][] = []
  for (const label in values) {
    const value = values[label as Label | SpanLabel]
    if (value != null) attributes.push([NAMES[label as Label | SpanLabel].name, value])
  }
  return attributes
}

const NAMES = { ...LABELS, ...SPAN_LABELS }

const SUFFIXES: Readonly<Record<string, string>> = { s: '_seconds', '1': '_ratio' }

/**
 * The name on a page for Prometheus, as the OpenTelemetry Collector and Prometheus' own OTLP receiver make it: a query holds whichever way
 * the metric came. Without what the kind adds (`_total`, `_bucket`).
 */
export function prometheusNameOf({ name, unit }: Pick<Metric, 'name' | 'unit'>): string {
  return name.replaceAll('.', '_') + (SUFFIXES[unit] ?? '')
}
