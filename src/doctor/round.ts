import { CHECK_IDS, type Check, check } from './check.ts'
import { clockCheck } from './clock.ts'
import { type Crossed, crossCheck, type Trusted } from './cross.ts'
import { type Proven, proveKeys } from './keys.ts'
import type { AskParts, DoctorParts } from './parts.ts'
import { flagChecks, priceChecks, proxyCheck, storeCheck } from './places.ts'
import { type Reached, reach } from './reach.ts'
import { type SeenSecret, secretFindings } from './secrets.ts'
import { type Target, targetsOf } from './target.ts'

/**
 * One round of all checks. What is trusted is asked before what is not; of that, all at once. What takes longer than the
 * round may is answered as late.
 */

const ROUND_MS = 30_000

/** Never rejects. @returns by what they are about, in the order of config; within that in the order of `CHECK_IDS` */
export async function round(parts: DoctorParts): Promise<readonly Check[]> {
  const { config, clock } = parts
  const late = new AbortController()
  const timer = clock.setTimer(() => late.abort(), ROUND_MS)
  const asking = { ...parts, signal: late.signal }
  try {
    const { checks: secrets, unfit } = secretFindings(config, await seen(parts), parts.dotenv)
    const [upstreams, flags, store, otlp] = await Promise.all([
      upstreamChecks(parts, unfit, asking),
      parts.flags(),
      parts.store(),
      parts.telemetry?.(asking) ?? [
        check(
          'otlp.export',
          'telemetry',
          'skipped',
          'what is exported here is the platform’s to say',
        ),
      ],
    ])
    const day = new Date(clock.wallMs()).toISOString().slice(0, 10)
    return ordered([
      ...upstreams.checks,
      ...secrets,
      ...flagChecks(config, flags, parts.advise),
      storeCheck(config, store),
      ...otlp,
      ...priceChecks(parts.advise?.prices(day) ?? null),
      proxyCheck(parts.env),
      clockCheck(upstreams.skews),
    ])
  } finally {
    clock.clearTimer(timer)
  }
}

async function seen({ secrets, read, sha256 }: DoctorParts): Promise<readonly SeenSecret[]> {
  return Promise.all(
    secrets.map(async (status) => {
      const value = status.set ? (read(status.ref) ?? null) : null
      const digest = value === null ? '' : (await sha256(value)).slice(0, 8)
      return { ...status, value, digest }
    }),
  )
}

async function upstreamChecks(
  { config, read, network, cross, refusing }: DoctorParts,
  unfit: ReadonlySet<string>,
  asking: AskParts,
): Promise<{ readonly checks: readonly Check[]; readonly skews: readonly number[] }> {
  const all = targetsOf(config, read)
  const found = new Map(
    await Promise.all(
      all.map(
        async (target) => [target.name, await reach(target, { ...asking, network })] as const,
      ),
    ),
  )
  const proven = new Map<string, Proven | null>()
  const crossed = new Map<string, Crossed>()
  const prove = async (target: Target, trusted: readonly Trusted[]): Promise<void> => {
    const { name } = target
    const fits = !unfit.has(name)
    crossed.set(name, await crossCheck(target, trusted, all, { unfit: !fits, cross }, asking))
    const proof = found.get(name)?.proof ?? null
    const may = fits && proof !== null && crossed.get(name)?.safe === true
    proven.set(name, may ? await proveKeys(target, proof, asking) : null)
  }
  const canaries = all.filter(({ controls }) => controls.length > 0)
  const others = all.filter(({ controls }) => controls.length === 0)
  await Promise.all(others.map((target) => prove(target, [])))
  // One that is a canary here may be the control of another there: that one comes after it.
  while (canaries.length > 0) {
    const next = canaries.findIndex(({ controls }) => controls.every((name) => proven.has(name)))
    const [target] = canaries.splice(Math.max(0, next), 1) as [Target]
    const trusted = all
      .filter(({ name }) => target.controls.includes(name))
      .map((official) => ({
        target: official,
        proof: found.get(official.name)?.proof ?? null,
        proven: proven.get(official.name) ?? null,
      }))
    await prove(target, trusted)
  }
  const checks = all.flatMap((target) => [
    ...(found.get(target.name) as Reached).checks.map((one) =>
      one.id === 'path.probe' ? (proven.get(target.name)?.path ?? one) : one,
    ),
    ...keyChecks(target, {
      crossed: crossed.get(target.name) as Crossed,
      proven: proven.get(target.name) ?? null,
      reached: found.get(target.name)?.proof != null,
      refusing: refusing.includes(target.name),
    }),
  ])
  return { checks, skews: [...found.values()].flatMap(({ skewMs }) => skewMs ?? []) }
}

function keyChecks(
  { about }: Target,
  {
    crossed,
    proven,
    reached,
    refusing,
  }: {
    readonly crossed: Crossed
    readonly proven: Proven | null
    readonly reached: boolean
    readonly refusing: boolean
  },
): readonly Check[] {
  const missed = !reached
    ? 'needs path.probe'
    : crossed.safe
      ? 'needs secret.present and secret.shape'
      : 'needs auth.cross'
  const checks = proven?.checks ?? [
    check('auth.style', about, 'skipped', missed),
    check('model.exists', about, 'skipped', missed),
  ]
  const told = checks.map((one) =>
    refusing && one.id === 'auth.style' && one.status !== 'failed'
      ? check(
          'auth.style',
          about,
          'failed',
          `its keys are refused in traffic (401, 402 or 403)${one.status === 'ok' ? ', and taken just now' : ''}`,
          'look at the account there, and at the log line "upstream refused a key"',
        )
      : one,
  )
  return [crossed.check, ...told]
}

/** What an upstream, a secret and a price say of one thing stands together. */
function ordered(checks: readonly Check[]): readonly Check[] {
  const groups = Map.groupBy(checks, ({ about }) => about)
  return [...groups.values()].flatMap((group) =>
    group.toSorted((a, b) => CHECK_IDS.indexOf(a.id) - CHECK_IDS.indexOf(b.id)),
  )
}
