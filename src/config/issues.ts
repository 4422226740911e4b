import type * as z from 'zod'
import { type Finding, looksLikeKey, type Path } from './fault.ts'
import { nearest } from './nearest.ts'
import { isSecretAt, keysAt, type Shape, shapesAt, wantedText, wordsOf } from './shape.ts'
import { type Located, nodeAt } from './tree.ts'

/** What the schema found wrong, in our words: the thing, the bound, what was got, what was probably meant. */

type Issue = z.core.$ZodIssue

/** One finding or more for each issue. Places that broke before the schema looked are left out. */
export function findingsOf(issues: readonly Issue[], tree: Located): Finding[] {
  return issues
    .flatMap((issue) => findings(issue, tree))
    .filter(({ path }) => !path.some((_, index) => isBroken(tree, path.slice(0, index + 1))))
}

/** ` got "x"`, as the file has it; empty where a secret may stand, or where nothing is known. */
export function gotText(node: Located | undefined, path: Path): string {
  if (node === undefined || node.broken || isSecretAt(path)) return ''
  if (node.entries) return node.entries.size === 0 ? ', got {}' : ', got a map'
  if (node.items) return ', got a list'
  const text = node.written ?? node.value
  if (typeof text !== 'string') return text === null ? ', got nothing' : `, got ${text}`
  if (looksLikeKey(text)) return ', got something that looks like a key'
  const source = node.written === undefined ? '' : 'what came of '
  return `, got ${source}${JSON.stringify(text.length > 60 ? `${text.slice(0, 57)}…` : text)}`
}

function isBroken(tree: Located, path: Path): boolean {
  return nodeAt(tree, path)?.broken === true
}

function findings(issue: Issue, tree: Located): Finding[] {
  const path = issue.path as Path
  const node = nodeAt(tree, path)
  const wanted = shapesAt(path)
  if (node === undefined) return [{ path, message: `is missing: it must be ${wantedText(wanted)}` }]
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map((key) => unknownKey(path, key, keysAt(path), node))
    case 'invalid_key':
      return keyFindings(issue, path)
    case 'invalid_union':
      return unionFindings(issue, tree)
    case 'invalid_type':
    case 'invalid_value':
      return [misfit(path, node, wanted)]
    case 'too_big':
    case 'too_small':
      return [{ path, message: `must be ${sizeText(issue, wanted)}${gotText(node, path)}` }]
    default: {
      const got = node.entries || node.items ? '' : gotText(node, path)
      return [{ path, message: `${issue.message}${got}` }]
    }
  }
}

function sizeText(
  issue: z.core.$ZodIssueTooBig | z.core.$ZodIssueTooSmall,
  wanted: readonly Shape[],
) {
  if (issue.origin === 'number' || issue.origin === 'int') return wantedText(wanted)
  const count = issue.code === 'too_small' ? issue.minimum : issue.maximum
  if (issue.origin === 'string') return `text of at least ${count} character`
  return `a list of at least ${count}`
}

/** The wrong kind of value, or a word that is not on the list. */
function misfit(path: Path, node: Located, wanted: readonly Shape[]): Finding {
  const ids = new Set(wanted.map((shape) => shape.id))
  const isScalar = node.entries === undefined && node.items === undefined && node.value !== null
  if (ids.has('secret') && isScalar) return literalSecret(path, node)
  const suggestion = suggestionFor(path, node, wanted, ids)
  return {
    path,
    message: `must be ${wantedText(wanted)}${gotText(node, path)}`,
    ...(suggestion === null ? {} : { suggestion }),
  }
}

function suggestionFor(
  path: Path,
  node: Located,
  wanted: readonly Shape[],
  ids: ReadonlySet<string | null>,
): string | null {
  const { value } = node
  if (value === null) return 'fill it in, or leave the key out'
  const shown = !isSecretAt(path)
  if (typeof value === 'number' && shown) {
    if (ids.has('percent') || ids.has('margin')) return `write ${value}%`
    if (ids.has('duration') || ids.has('timeout')) return `write ${value}s or ${value}ms`
    if (ids.has('bytes')) return `write ${value}MB or ${value}B`
  }
  if (typeof value === 'number' || typeof value === 'boolean') {
    const text = wanted.some(({ schema }) => schema._zod.def.type === 'string')
    if (!text) return null
    return shown ? `write "${value}"` : 'put quotes around it'
  }
  if (typeof value !== 'string') return null
  if (wanted.some(({ schema }) => schema._zod.def.type === 'boolean')) {
    if (/^(yes|on|y)$/i.test(value)) return 'write true'
    if (/^(no|off|n)$/i.test(value)) return 'write false'
  }
  const meant = nearest(value, wordsOf(wanted))
  if (meant !== null) return `did you mean ${JSON.stringify(meant)}?`
  if (path.length === 3 && path[0] === 'upstreams' && path[2] === 'auth') {
    return `a key is never written here: write { bearer: { env: ${variableOf(node) ?? 'NAME'} } }`
  }
  const isList = wanted.every(({ schema }) => schema._zod.def.type === 'array')
  return isList && shown && !looksLikeKey(value) ? `write [${JSON.stringify(value)}]` : null
}

function literalSecret(path: Path, node: Located): Finding {
  return {
    path,
    message: 'holds a secret itself, which no config file may',
    suggestion:
      variableOf(node) === null
        ? 'say where it is kept: { env: NAME }, { file: PATH } or { binding: NAME }'
        : `write { env: ${variableOf(node)} }`,
  }
}

/** `${OPENAI_API_KEY}` at a secret's place tells which variable was meant. */
function variableOf({ written }: Located): string | null {
  const [, name] = /^\$\{(?:env:)?([A-Za-z_]\w*)(?::[-?][^}]*)?\}$/.exec(written ?? '') ?? []
  return name ?? null
}

function unknownKey(
  path: Path,
  key: string,
  known: readonly string[],
  container: Located,
): Finding {
  const at = { path, offset: container.entries?.get(key)?.keyOffset ?? container.offset }
  const present = [...(container.entries?.keys() ?? [])]
  const meant = nearest(
    key,
    known.filter((word) => !present.includes(word)),
  )
  const hidden = looksLikeKey(key) || (isSecretAt(path) && meant === null)
  const message = hidden ? 'has an unknown key' : `has no key ${JSON.stringify(key)}`
  if (meant !== null)
    return { ...at, message, suggestion: `did you mean ${JSON.stringify(meant)}?` }
  const list = known.filter((word) => word !== '$schema').join(', ')
  return list === '' ? { ...at, message } : { ...at, message, suggestion: `known here: ${list}` }
}

function keyFindings(issue: z.core.$ZodIssueInvalidKey, path: Path): Finding[] {
  const key = String(path.at(-1))
  const shown = looksLikeKey(key) || isSecretAt(path) ? '' : `, got ${JSON.stringify(key)}`
  const known = keysAt(path.slice(0, -1))
  const meant = nearest(key, known)
  const first = issue.issues[0]
  const bound = known.length > 0 ? `must be one of ${known.join(', ')}` : (first?.message ?? '')
  return [
    {
      path,
      message: `has a name that ${bound}${shown}`,
      ...(meant === null ? {} : { suggestion: `did you mean ${JSON.stringify(meant)}?` }),
    },
  ]
}

/**
 * A union fails with the issues of every branch. The branch that was meant is the one that knows most of the keys;
 * its issues alone are worth reading.
 */
function unionFindings(issue: z.core.$ZodIssueInvalidUnion, tree: Located): Finding[] {
  const path = issue.path as Path
  const node = nodeAt(tree, path)
  const wanted = shapesAt(path)
  if (node === undefined) return []
  const branches = branchesOf(issue.errors).filter((branch) => !branch.some(isRootMisfit))
  if (branches.length === 0) return [misfit(path, node, wanted)]
  const present = [...(node.entries?.keys() ?? [])]
  const known = keysAt(path)
  const best = branches
    .map((branch) => ({ branch, unknown: unknownIn(branch).length, missing: missingIn(branch) }))
    .sort(
      (a, b) => a.unknown - b.unknown || a.missing - b.missing || a.branch.length - b.branch.length,
    )[0]?.branch
  if (best === undefined) return [misfit(path, node, wanted)]
  if (node.entries === undefined) {
    return findingsOf(
      best.map((inner) => within(path, inner)),
      tree,
    )
  }
  const unknown = unknownIn(best)
  const understood = present.filter((key) => !unknown.includes(key))
  if (understood.length === 0) {
    const typo = present.find((key) => nearest(key, known) !== null)
    if (typo !== undefined) return [unknownKey(path, typo, known, node)]
    if (present.length === 0 || known.length === 0) return [misfit(path, node, wanted)]
    return present.map((key) => unknownKey(path, key, known, node))
  }
  return best.flatMap((inner) => {
    if (inner.code !== 'unrecognized_keys' || inner.path.length > 0) {
      return findingsOf([within(path, inner)], tree)
    }
    return inner.keys.map((key) => {
      if (!known.includes(key)) return unknownKey(path, key, known, node)
      const offset = node.entries?.get(key)?.keyOffset ?? node.offset
      return { path, message: `takes either ${understood[0]} or ${key}, not both`, offset }
    })
  })
}

function within(path: Path, issue: Issue): Issue {
  return { ...issue, path: [...path, ...issue.path] }
}

/** The leaves of nested unions: each branch of an inner union, with what its outer branch says beside it. */
function branchesOf(errors: readonly Issue[][]): Issue[][] {
  return errors.flatMap((branch) => {
    const inner = branch.find((issue) => issue.code === 'invalid_union' && issue.path.length === 0)
    if (inner?.code !== 'invalid_union' || inner.errors.length === 0) return [branch]
    const rest = branch.filter((issue) => issue !== inner)
    return branchesOf(inner.errors).map((leaf) => [...leaf, ...rest])
  })
}

function isRootMisfit(issue: Issue): boolean {
  return (
    issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value')
  )
}

function unknownIn(branch: readonly Issue[]): readonly string[] {
  return branch.flatMap((issue) =>
    issue.code === 'unrecognized_keys' && issue.path.length === 0 ? issue.keys : [],
  )
}

function missingIn(branch: readonly Issue[]): number {
  return branch.filter((issue) => issue.code === 'invalid_type' && issue.path.length === 1).length
}
