import { baseUrlRemark } from '../base-url.ts'
import type { Finding, Path } from '../fault.ts'
import { entriesAt, itemsAt, type Located, nodeAt, textAt } from '../tree.ts'

/** What holds, and may not be what was meant. */

const ARMS = ['control', 'canary'] as const

/** One upstream as both arms. */
export function sameUpstream(tree: Located): Finding[] {
  return entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const path = ['rollouts', name, 'canary']
    const canary = textAt(tree, path)
    if (canary === null || canary !== textAt(tree, ['rollouts', name, 'control'])) return []
    return [{ path, message: 'is the same upstream as control: an A/A run, which measures noise' }]
  })
}

/** Rollouts and paths that another takes first. */
export function unreachable(tree: Located): Finding[] {
  const takenBy = new Map<string, string>()
  return entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const match = ['rollouts', name, 'match']
    const paths = itemsAt(tree, [...match, 'paths']).map(({ value }) => value)
    const taken = paths.flatMap((path, index) => {
      const by = typeof path === 'string' ? takenBy.get(path) : undefined
      return by === undefined ? [] : [{ path, index, by }]
    })
    const restricted = ['models', 'headers'].some((key) => nodeAt(tree, [...match, key]))
    for (const path of restricted ? [] : paths) {
      if (typeof path === 'string' && !takenBy.has(path)) takenBy.set(path, name)
    }
    if (taken.length > 0 && taken.length === paths.length) {
      const by = [...new Set(taken.map((one) => `rollouts.${one.by}`))].join(' and ')
      const message = `is never reached: ${by} before it takes every request to its paths`
      return [{ path: ['rollouts', name], message }]
    }
    return taken.map(({ index, by }) => ({
      path: [...match, 'paths', index],
      message: `is never reached: rollouts.${by} before it takes every request to this path`,
    }))
  })
}

/** Upstreams that nothing names. */
export function unused(tree: Located): Finding[] {
  const used = new Set<string | null>([
    textAt(tree, ['default', 'openai']),
    textAt(tree, ['default', 'anthropic']),
    ...entriesAt(tree, ['rollouts']).flatMap(([name]) =>
      ARMS.map((arm) => textAt(tree, ['rollouts', name, arm])),
    ),
  ])
  if (used.size === 1) return []
  return entriesAt(tree, ['upstreams'])
    .filter(([name]) => !used.has(name))
    .map(([name]) => ({
      path: ['upstreams', name],
      message: 'is never used: no rollout and no default names it',
    }))
}

/** Upstreams, and no way to them. */
export function nowhere(tree: Located): Finding[] {
  const anywhere =
    entriesAt(tree, ['rollouts']).length > 0 || entriesAt(tree, ['default']).length > 0
  if (anywhere || entriesAt(tree, ['upstreams']).length === 0) return []
  return [
    {
      path: ['upstreams'],
      message:
        'are there, but no rollout and no default names one: no request is forwarded anywhere',
    },
  ]
}

/** Base URLs that can be, and are unlikely. */
export function remarks(tree: Located): Finding[] {
  return entriesAt(tree, ['upstreams']).flatMap(([name]) => {
    const path = ['upstreams', name, 'baseUrl']
    const message = baseUrlRemark(textAt(tree, path) ?? '')
    return message === null ? [] : [{ path, message }]
  })
}

/** Who acts on a rollout, where that is not plain from its name. */
export function judged(tree: Located): Finding[] {
  const forgets = nodeAt(tree, ['state', 'memory']) !== undefined
  return entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const path = ['rollouts', name]
    const plan = nodeAt(tree, [...path, 'plan']) !== undefined
    const guard = nodeAt(tree, [...path, 'guard']) !== undefined
    const findings: Finding[] = []
    if (!plan && !guard) {
      findings.push({
        path,
        message: 'has neither plan nor guard: its flag alone decides, and nothing rolls it back',
      })
    }
    if (forgets && (plan || guard)) {
      findings.push({
        path: ['state', 'memory'],
        message: `forgets at every restart where ${name} stands, a rollback included`,
      })
    }
    return findings
  })
}

/** Small questions that nobody could ask, or hear the answers of. */
function questions(tree: Located, rollout: Path): Finding[] {
  const path = [...rollout, 'shadow', 'questions']
  const has = (...at: Path): boolean => nodeAt(tree, [...rollout, ...at]) !== undefined
  if (!has('shadow', 'questions')) return []
  if (!has('plan') && !has('guard')) {
    return [
      { path, message: 'are not asked: without a plan or a guard nothing judges the answers' },
    ]
  }
  const canary = ['upstreams', String(textAt(tree, [...rollout, 'canary'])), 'models']
  const model =
    has('probe', 'model') || has('match', 'models') || entriesAt(tree, canary).length > 0
  return model
    ? []
    : [{ path, message: 'are not asked: no model is known to ask; write probe.model' }]
}

/** Shadows that cost more than is counted, or find what nothing acts on. */
export function shadows(tree: Located): Finding[] {
  return entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const rollout = ['rollouts', name]
    const path = [...rollout, 'shadow']
    if (nodeAt(tree, path) === undefined) return []
    const findings: Finding[] = [...questions(tree, rollout)]
    const canary = textAt(tree, [...rollout, 'canary'])
    const place = canary === null ? null : textAt(tree, ['upstreams', canary, 'baseUrl'])
    const priced = nodeAt(tree, ['upstreams', String(canary), 'price']) !== undefined
    // Of makers' own hosts the prices are built in.
    if (place !== null && !priced && !/^https:\/\/api\.(openai|anthropic)\.com\//.test(place)) {
      const message = `counts no dollars without upstreams.${canary}.price: its other budgets hold`
      findings.push({ path, message })
    }
    const control = textAt(tree, [...rollout, 'control'])
    if (control !== null && textAt(tree, ['upstreams', control, 'auth']) === 'passthrough') {
      const message = `asks ${control} nothing, which callers pay with their own keys: no probes, and none of what the canary answered`
      findings.push({ path, message })
    }
    const judges = ['plan', 'guard'].some((key) => nodeAt(tree, [...rollout, key]) !== undefined)
    if (!judges) {
      const message = 'is shown and nothing more: without plan or guard nothing acts on it'
      findings.push({ path, message })
    }
    return findings
  })
}

/** Keys that say how, where nothing says that. */
export function idleKeys(tree: Located): Finding[] {
  return entriesAt(tree, ['upstreams']).flatMap(([name]) => {
    const findings: Finding[] = []
    const retry: Path = ['upstreams', name, 'retry']
    if (nodeAt(tree, retry) !== undefined && !triesTwice(tree, name)) {
      findings.push({ path: retry, message: 'does nothing: write attempts: 2 to try again' })
    }
    const limits: Path = ['upstreams', name, 'limits']
    const limited = LIMITS.some((key) => nodeAt(tree, [...limits, key]) !== undefined)
    if (nodeAt(tree, limits) !== undefined && !limited) {
      findings.push({
        path: limits,
        message: `does nothing: it names none of ${LIMITS.join(', ')}`,
      })
    }
    return findings
  })
}

const LIMITS = ['concurrency', 'rpm', 'tpm'] as const

function triesTwice(tree: Located, upstream: string): boolean {
  const attempts = nodeAt(tree, ['upstreams', upstream, 'retry', 'attempts'])?.value
  return attempts !== undefined && attempts !== 1
}

/** An arm that may try twice fails less, and the statistics see the last try only. */
export function unevenRetries(tree: Located): Finding[] {
  return entriesAt(tree, ['rollouts']).flatMap(([name]) => {
    const [control, canary] = ARMS.map((arm) => textAt(tree, ['rollouts', name, arm]))
    if (control == null || canary == null) return []
    if (triesTwice(tree, control) === triesTwice(tree, canary)) return []
    const [more, less] = triesTwice(tree, control) ? [control, canary] : [canary, control]
    return [
      {
        path: ['rollouts', name],
        message: `compares ${more}, which is tried twice, with ${less}, which is not: give both the same retry`,
      },
    ]
  })
}
