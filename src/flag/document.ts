/**
 * Unleash's client-features document (`GET /api/client/features`), as a file or a server gives it. A document with one
 * fault is refused whole, so that what is in memory is always something a person wrote.
 */
import * as z from 'zod'

/** Documents of this many characters or more are refused. */
export const MAX_DOCUMENT_CHARS = 5_000_000

/** Faults beyond these are counted, not listed. */
const MAX_FAULTS = 20

/** The strategies that draw by percent, and the parameter that says how many. */
export const PERCENT_PARAMETER: Readonly<Record<string, string>> = {
  flexibleRollout: 'rollout',
  gradualRolloutUserId: 'percentage',
  gradualRolloutSessionId: 'percentage',
  gradualRolloutRandom: 'percentage',
}

/** Parameters that unleash-client reads as text; one of another type would make it throw. */
const TEXT_PARAMETERS: Readonly<Record<string, readonly string[]>> = {
  flexibleRollout: ['groupId', 'stickiness'],
  gradualRolloutUserId: ['groupId'],
  gradualRolloutSessionId: ['groupId'],
  userWithId: ['userIds'],
  remoteAddress: ['IPs'],
  applicationHostname: ['hostNames'],
}

const text = z.string({ error: 'must be a text' })
const name = text.min(1, { error: 'must not be empty' })
const flag = z.boolean({ error: 'must be true or false' })
const texts = z.array(text, { error: 'must be a list of texts' })

const constraint = z.looseObject(
  {
    contextName: text,
    operator: text,
    values: texts.nullish(),
    value: z.union([z.string(), z.number()], { error: 'must be a text or a number' }).nullish(),
    inverted: flag.nullish(),
    caseInsensitive: flag.nullish(),
  },
  { error: 'must be an object' },
)

const constraints = z.array(constraint, { error: 'must be a list' })

const variant = z.looseObject(
  {
    name,
    weight: z
      .number({ error: 'must be a number of at least 0' })
      .min(0, { error: 'must be a number of at least 0' }),
    stickiness: text.nullish(),
    overrides: z
      .array(z.looseObject({ contextName: text, values: texts }, { error: 'must be an object' }), {
        error: 'must be a list',
      })
      .nullish(),
  },
  { error: 'must be an object' },
)

const variants = z.array(variant, { error: 'must be a list' })

const strategy = z
  .looseObject(
    {
      name,
      parameters: z.record(z.string(), z.unknown(), { error: 'must be an object' }).nullish(),
      constraints: constraints.nullish(),
      segments: z
        .array(z.int({ error: 'must be the number of a segment' }), { error: 'must be a list' })
        .nullish(),
      variants: variants.nullish(),
    },
    { error: 'must be an object' },
  )
  .superRefine(({ name, parameters }, context) => {
    const percent = PERCENT_PARAMETER[name]
    if (percent !== undefined && !isPercent(parameters?.[percent])) {
      const message = 'must be a percentage in 0..100'
      context.addIssue({ code: 'custom', path: ['parameters', percent], message })
    }
    for (const key of TEXT_PARAMETERS[name] ?? []) {
      if (typeof (parameters?.[key] ?? '') !== 'string') {
        context.addIssue({ code: 'custom', path: ['parameters', key], message: 'must be a text' })
      }
    }
  })

const feature = z.looseObject(
  {
    name,
    enabled: flag,
    strategies: z.array(strategy, { error: 'must be a list' }),
    variants: variants.nullish(),
    dependencies: z
      .array(
        z.looseObject(
          { feature: name, enabled: flag.nullish(), variants: texts.nullish() },
          { error: 'must be an object' },
        ),
        { error: 'must be a list' },
      )
      .nullish(),
  },
  { error: 'must be an object' },
)

const segment = z.looseObject(
  {
    id: z.int({ error: 'must be a whole number' }),
    constraints: constraints.nullish(),
  },
  { error: 'must be an object' },
)

const documentSchema = z.looseObject(
  {
    version: z.number({ error: 'must be a number' }).nullish(),
    features: z.array(feature, { error: 'must be a list of features' }),
    segments: z.array(segment, { error: 'must be a list of segments' }).nullish(),
  },
  { error: 'must be an object with a list "features"' },
)

/** A validated document; unknown keys are kept. Treat it as frozen: rules are compiled from it once. */
export type FlagDocument = z.output<typeof documentSchema>
export type FlagFeature = FlagDocument['features'][number]
export type FlagStrategy = FlagFeature['strategies'][number]

export type ParsedDocument =
  | { readonly ok: true; readonly document: FlagDocument }
  | { readonly ok: false; readonly faults: readonly string[] }

/**
 * Reads a document, versions 1 and 2 alike. Refused are: what is not JSON (HTML of a login page), a delta, 5 MB and
 * more, wrong types, percents that are not plain decimals in 0..100 (`"1e9"`, `-1`, `"NaN"`), a feature or segment
 * named twice. A gradual strategy without its percent is accepted, and is never on, as in unleash-client.
 *
 * @returns the document as it was written, nothing clamped; or at least one fault, each naming its place. Never throws
 */
export function parseDocument(source: string): ParsedDocument {
  if (source.length >= MAX_DOCUMENT_CHARS) {
    const size = `${source.length} characters`
    return refused([`the document must be under ${MAX_DOCUMENT_CHARS} characters, got ${size}`])
  }
  let raw: unknown
  try {
    raw = JSON.parse(source)
  } catch (error) {
    return refused([notJson(source, error)])
  }
  if (isObject(raw) && Array.isArray(raw.events) && raw.features === undefined) {
    return refused(['the document is a delta ("events"); only whole documents are read'])
  }
  const result = documentSchema.safeParse(raw)
  if (!result.success) {
    return refused(result.error.issues.map((issue) => faultAt(raw, issue.path, issue.message)))
  }
  // The value as it was parsed, not zod's copy: nothing of it is lost or reordered on the way.
  const document = raw as FlagDocument
  const twice = [
    ...repeated(document.features.map((one) => JSON.stringify(one.name))).map(
      (one) => `features: ${one} is there twice`,
    ),
    ...repeated((document.segments ?? []).map((one) => String(one.id))).map(
      (one) => `segments: ${one} is there twice`,
    ),
  ]
  return twice.length > 0 ? refused(twice) : { ok: true, document }
}

/** Whether this alone would be accepted in a document. */
export function isWellFormed(kind: 'feature' | 'segment', value: unknown): boolean {
  return (kind === 'feature' ? feature : segment).safeParse(value).success
}

/** The same 12 hex digits for the same document, however its JSON was spaced. For people; not for secrets. */
export function hashOf(document: FlagDocument): string {
  // cyrb53 (public domain), both halves.
  const source = JSON.stringify(document)
  let a = 0xdeadbeef
  let b = 0x41c6ce57
  for (let i = 0; i < source.length; i++) {
    const code = source.charCodeAt(i)
    a = Math.imul(a ^ code, 0x9e3779b1)
    b = Math.imul(b ^ code, 0x5f356495)
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35)
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35)
  return (hex(a) + hex(b)).slice(0, 12)
}

/**
 * The percent of a gradual strategy as unleash-client serves it: whole, `"1.5"` serves 1 and `"0.5"` nobody.
 *
 * @returns 0..100, 0 when it is missing; null when the strategy does not draw by percent
 */
export function wholePercentOf(strategy: FlagStrategy): number | null {
  const percent = writtenPercentOf(strategy)
  return percent === null ? null : Math.floor(percent) || 0
}

/** The percent as written, 0..100; NaN when it is missing; null when the strategy does not draw by percent. */
export function writtenPercentOf(strategy: FlagStrategy): number | null {
  const key = PERCENT_PARAMETER[strategy.name]
  return key === undefined ? null : Number(strategy.parameters?.[key] ?? Number.NaN)
}

/** Whether a list that may be left out has anything in it. */
export function isFilled(list: readonly unknown[] | null | undefined): boolean {
  return list !== null && list !== undefined && list.length > 0
}

/** Plain decimals only: unleash-client would read `"1e1"` and `"0x10"`, SDKs in other languages would not. */
function isPercent(value: unknown): boolean {
  if (value === undefined || value === null) return true
  if (typeof value === 'number') return value >= 0 && value <= 100
  return typeof value === 'string' && /^(100(\.0+)?|\d{1,2}(\.\d+)?)$/.test(value)
}

function refused(faults: readonly string[]): ParsedDocument {
  if (faults.length <= MAX_FAULTS) return { ok: false, faults }
  const more = `and ${faults.length - MAX_FAULTS} more`
  return { ok: false, faults: [...faults.slice(0, MAX_FAULTS), more] }
}

function notJson(source: string, error: unknown): string {
  const start = source.trimStart()
  if (start === '') return 'the document is empty'
  if (start.startsWith('<')) return 'the document is not JSON; it looks like HTML'
  const reason = error instanceof Error ? error.message : String(error)
  return `the document is not JSON: ${JSON.stringify(reason.slice(0, 120)).slice(1, -1)}`
}

/** `features[3] "headgate-relay" strategies[0] "flexibleRollout" parameters.rollout must be …, got "1e9"`. */
function faultAt(raw: unknown, path: readonly PropertyKey[], message: string): string {
  let place = ''
  let value = raw
  for (const key of path) {
    value = isObject(value) || Array.isArray(value) ? (value as Keyed)[key] : undefined
    if (typeof key === 'number') {
      const name = isObject(value) ? value.name : undefined
      place += `[${key}]${typeof name === 'string' ? ` ${shown(name)}` : ''} `
    } else {
      place += `${place === '' || place.endsWith(' ') ? '' : '.'}${String(key)}`
    }
  }
  return `${place === '' ? 'the document' : place.trimEnd()} ${message}, got ${shown(value)}`
}

function shown(value: unknown): string {
  if (value === undefined) return 'nothing'
  if (Array.isArray(value)) return 'a list'
  if (isObject(value)) return 'an object'
  const written = JSON.stringify(value)
  return written.length <= 60 ? written : `${written.slice(0, 60)}…`
}

function repeated(all: readonly string[]): readonly string[] {
  const seen = new Set<string>()
  const twice = new Set<string>()
  for (const one of all) (seen.has(one) ? twice : seen).add(one)
  return [...twice]
}

function hex(value: number): string {
  return (value >>> 0).toString(16).padStart(8, '0')
}

type Keyed = Readonly<Record<PropertyKey, unknown>>

function isObject(value: unknown): value is Keyed {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
