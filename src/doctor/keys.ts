import { baseUrlRemark } from '../config/base-url.ts'
import { nearest } from '../config/nearest.ts'
import { type Answer, answerText, errorWordOf, modelsOf, readingOf } from './answer.ts'
import { ask } from './ask.ts'
import { basesNear } from './base.ts'
import { type Check, check } from './check.ts'
import type { AskParts } from './parts.ts'
import { emptyOf, listOf, type Proof } from './reach.ts'
import { type Credential, headersOf, type Target } from './target.ts'

/** What an upstream says to its keys, and which models it has for them. */

export interface Proven {
  readonly checks: readonly Check[]
  /** True for one it took, false for one it refused; null where nothing tells. */
  readonly accepted: boolean | null
  /** In place of what was said of its path: many refuse a missing key before they look at the path. */
  readonly path?: Check
}

/** Sends each key to its own upstream, and to no other. Never rejects. */
export async function proveKeys(target: Target, proof: Proof, parts: AskParts): Promise<Proven> {
  const { about, auth, keys } = target
  if (auth !== 'keys') return withoutKeys(target, proof, parts)
  if (proof.by === 'nothing') {
    const detail = `it asks for no key: nothing can be told of ${keys.map(({ place }) => place).join(', ')}`
    const { models } = await modelCheck(target, proof, keys[0], parts)
    return { checks: [check('auth.style', about, 'warning', detail), models], accepted: null }
  }
  const answers: { readonly key: Credential; readonly answer: Answer }[] = []
  for (const key of keys)
    answers.push({ key, answer: await prove(target, proof, key.headers, parts) })
  const refused = answers.find(({ answer }) => readingOf(answer) === 'locked')
  if (refused !== undefined) {
    const style = await refusedCheck(target, proof, refused.key, refused.answer, parts)
    const models = check('model.exists', about, 'skipped', 'needs auth.style')
    return { checks: [style, models], accepted: false }
  }
  const [{ answer: listed } = { answer: undefined }] = answers
  if (proof.by === 'models' && listed !== undefined && readingOf(listed) === 'missing') {
    return elsewhere(target, listed)
  }
  const unsure = answers.find(({ answer }) => !takes(answer))
  const style =
    unsure === undefined
      ? check('auth.style', about, 'ok', acceptedText(target))
      : unsureCheck(about, unsure.key, unsure.answer)
  const { models } = await modelCheck(target, proof, keys[0], parts)
  return { checks: [style, models], accepted: unsure === undefined ? true : null }
}

/** Whether an upstream takes a key in its own style: null where nothing tells. */
export async function takesKey(
  target: Target,
  proof: Proof,
  value: string,
  parts: AskParts,
): Promise<boolean | null> {
  const style = target.keys[0]?.style ?? 'bearer'
  if (style === 'header' || proof.by === 'nothing') return null
  const answer = await prove(target, proof, headersOf(style, value), parts)
  if (readingOf(answer) === 'locked') return false
  return takes(answer) ? true : null
}

function prove(
  target: Target,
  proof: Proof,
  key: Readonly<Record<string, string>>,
  parts: AskParts,
): Promise<Answer> {
  const question = proof.by === 'models' ? listOf(target, target.base) : emptyOf(target)
  return ask({ ...question, headers: { ...question.headers, ...target.secret, ...key } }, parts)
}

/** An empty request is refused for what it lacks, once the key is taken. */
function takes(answer: Answer): boolean {
  if (answer.kind === 'fault') return false
  const { status } = answer
  return (
    status < 300 || (status >= 400 && status < 500 && ![401, 402, 403, 408, 429].includes(status))
  )
}

function acceptedText({ keys }: Target): string {
  const [first] = keys
  const how = first === undefined ? '' : HEADERS[first.style]
  return keys.length === 1
    ? `the key of ${first?.place} is taken, ${how}`
    : `all ${keys.length} keys are taken, ${how}`
}

const HEADERS = {
  bearer: 'as authorization: Bearer',
  apiKey: 'as x-api-key',
  header: 'in its header',
} as const

async function withoutKeys(target: Target, proof: Proof, parts: AskParts): Promise<Proven> {
  const { about, auth, base } = target
  const skipped = (why: string) => check('model.exists', about, 'skipped', why)
  if (auth === 'passthrough') {
    const detail = "callers' own keys are forwarded: there is none to try"
    return {
      checks: [check('auth.style', about, 'skipped', detail), skipped('needs a key')],
      accepted: null,
    }
  }
  if (proof.by !== 'nothing') {
    return {
      checks: [
        check(
          'auth.style',
          about,
          'failed',
          `${base} wants a key, and config sends none`,
          `auth: { ${target.speaksAnthropic ? 'apiKey' : 'bearer'}: { env: ${target.name.toUpperCase().replaceAll('-', '_')}_API_KEY } }`,
        ),
        skipped('needs auth.style'),
      ],
      accepted: false,
    }
  }
  const { models } = await modelCheck(target, proof, undefined, parts)
  return {
    checks: [check('auth.style', about, 'ok', 'no key is sent, and none is asked for'), models],
    accepted: null,
  }
}

/** The key is taken, and behind it there is no list of models. */
function elsewhere({ about, base }: Target, answer: Answer): Proven {
  const [near] = basesNear(base)
  const fix = near === undefined ? null : `baseUrl: "${near}"`
  const detail = `GET ${base}/models with its key: ${answerText(answer)}`
  return {
    checks: [
      check('auth.style', about, 'ok', 'its key is taken, though there is nothing behind it'),
      check('model.exists', about, 'skipped', 'needs path.probe'),
    ],
    accepted: true,
    path: check(
      'path.probe',
      about,
      baseUrlRemark(base) === null ? 'warning' : 'failed',
      detail,
      fix,
    ),
  }
}

/** Is it the key, or the way it is sent? */
async function refusedCheck(
  target: Target,
  proof: Proof,
  { style, value, place, written }: Credential,
  answer: Answer,
  parts: AskParts,
): Promise<Check> {
  const { about } = target
  const word = errorWordOf(answer)
  const said = `${answerText(answer)}${word === null ? '' : `, ${word}`}`
  const other = style === 'bearer' ? 'apiKey' : style === 'apiKey' ? 'bearer' : null
  if (other !== null) {
    const again = await prove(target, proof, headersOf(other, value), parts)
    if (takes(again)) {
      return check(
        'auth.style',
        about,
        'failed',
        `the key of ${place} is refused ${HEADERS[style]} (${said}), and taken ${HEADERS[other]}`,
        `auth: { ${other}: ${written} }`,
      )
    }
  }
  const forbidden = answer.kind === 'answer' && answer.status === 403
  return check(
    'auth.style',
    about,
    'failed',
    `the key of ${place} is refused: ${said}`,
    forbidden
      ? `the key is known and not allowed: look at its project, permissions, region and address at ${new URL(target.base).hostname}`
      : `put a key that is valid at ${new URL(target.base).hostname} into ${place}`,
  )
}

function unsureCheck(about: string, { place }: Credential, answer: Answer): Check {
  const word = errorWordOf(answer)
  const said = `${answerText(answer)}${word === null ? '' : `, ${word}`}`
  const paid = answer.kind === 'answer' && (answer.status === 402 || word === 'insufficient_quota')
  return check(
    'auth.style',
    about,
    'warning',
    `nothing can be told of the key of ${place}: ${said}`,
    paid ? 'the account is out of money: top it up' : 'ask again in a minute',
  )
}

async function modelCheck(
  target: Target,
  { listsModels }: Proof,
  key: Credential | undefined,
  parts: AskParts,
): Promise<{ readonly models: Check }> {
  const { about, base, models } = target
  const said = (status: Check['status'], detail: string, fix: string | null = null) => ({
    models: check('model.exists', about, status, detail, fix),
  })
  if (models.length === 0) return said('skipped', 'config names no models for it')
  if (!listsModels) return said('skipped', 'it lists no models')
  const headers = { ...target.secret, ...key?.headers }
  const list = listOf(target, base)
  const known = modelsOf(await ask({ ...list, headers: { ...list.headers, ...headers } }, parts))
  if (known === null) return said('skipped', 'it gave no list of models')
  const missing = models.filter((model) => !known.includes(model))
  if (missing.length === 0) return said('ok', `it lists ${models.join(', ')}`)
  // A list may be short of aliases; one model may be asked for by its name.
  const gone: string[] = []
  for (const model of missing.slice(0, 5)) {
    const url = `${base}/models/${encodeURIComponent(model)}`
    const one = await ask({ ...list, url, headers: { ...list.headers, ...headers } }, parts)
    if (readingOf(one) !== 'open') gone.push(model)
  }
  if (gone.length === 0) return said('ok', `it has ${models.join(', ')}`)
  const near = gone.flatMap((model) => nearest(model, known) ?? [])
  return said(
    'failed',
    `it does not have ${gone.join(', ')}, among ${known.length} models`,
    near.length > 0
      ? `${about}.models: did you mean ${near.join(', ')}?`
      : `write the names it uses: ${about}.models: { "${gone[0]}": "NAME THERE" }`,
  )
}
