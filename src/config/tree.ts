import { isAlias, isMap, isScalar, isSeq, type Node, parseDocument } from 'yaml'
import type { Finding, Path } from './fault.ts'

/** YAML or JSON text as a tree that knows where each of its values stands. */

/** One value and its place. Offsets count UTF-16 units from the start of the text. */
export interface Located {
  /** A scalar's value; undefined for maps and lists, and for what could not be read. */
  readonly value?: string | number | boolean | null
  readonly entries?: ReadonlyMap<string, Located>
  readonly items?: readonly Located[]
  readonly offset: number
  /** Where its key starts; the value's own place in a list. */
  readonly keyOffset: number
  /** Where the scalar's first character stands, when its text is in the file letter by letter. */
  readonly textOffset?: number
  /** The text before interpolation; absent when nothing was filled in. */
  readonly written?: string
  /** A fault was found here already: what depends on this value says nothing more. */
  readonly broken?: true
}

export interface Source {
  /** Null when the text could not be read at all. */
  readonly tree: Located | null
  readonly findings: readonly Finding[]
  /** @returns line and column, both from 1 */
  readonly placeOf: (offset: number) => { readonly line: number; readonly column: number }
}

const MAX_LENGTH = 1_000_000
const MAX_DEPTH = 64
const MAX_NODES = 50_000

/** Reads YAML 1.2, and JSON as part of it. Never throws. Duplicate keys are findings; the last one counts. */
export function readTree(written: string): Source {
  const text = written.replace(/^\uFEFF/, '')
  const placeOf = (offset: number) => {
    const before = text.slice(0, offset)
    return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') }
  }
  if (text.length > MAX_LENGTH) {
    const message = `is ${text.length} characters long; a config file has at most ${MAX_LENGTH}`
    return { tree: null, findings: [{ path: [], message, offset: 0 }], placeOf }
  }
  const document = parseDocument(text, {
    prettyErrors: false,
    schema: 'core',
  })
  const findings: Finding[] = []
  const syntax = [...document.errors, ...document.warnings].filter(
    (fault) => fault.code !== 'DUPLICATE_KEY',
  )
  const seen = new Set<number>()
  for (const fault of syntax.sort((a, b) => a.pos[0] - b.pos[0])) {
    const { line } = placeOf(fault.pos[0])
    // What follows on one line is nearly always the same mistake again.
    if (seen.has(line) || (fault.code === 'RESOURCE_EXHAUSTION' && seen.size > 0)) continue
    seen.add(line)
    findings.push(syntaxFinding(fault.code, fault.message, fault.pos[0], text))
  }
  if (findings.length > 0) return { tree: null, findings, placeOf }
  if (document.contents === null) {
    const message = 'is empty: it needs at least version and upstreams'
    return { tree: null, findings: [{ path: [], message, offset: 0 }], placeOf }
  }

  let nodes = 0
  const read = (node: Node | null | undefined, keyOffset: number | null, path: Path): Located => {
    const offset = node?.range?.[0] ?? keyOffset ?? 0
    const place = { offset, keyOffset: keyOffset ?? offset }
    const refuse = (message: string): Located => {
      findings.push({ path, message, offset })
      return { ...place, broken: true }
    }
    nodes += 1
    if (nodes > MAX_NODES) {
      return nodes === MAX_NODES + 1
        ? refuse(`makes more than ${MAX_NODES} values: aliases multiply`)
        : { ...place, broken: true }
    }
    if (path.length > MAX_DEPTH) return refuse(`is nested deeper than ${MAX_DEPTH} levels`)
    if (isAlias(node)) {
      const target = node.resolve(document)
      if (target === undefined) return refuse('refers to an anchor that does not exist')
      return { ...read(target, keyOffset, path), ...place }
    }
    if (isMap<Node, Node | null>(node)) {
      const entries = new Map<string, Located>()
      for (const { key, value } of node.items) {
        const at = key?.range?.[0] ?? offset
        const name = isScalar(key) ? keyName(key.value) : null
        if (name === null) {
          findings.push({ path, message: 'has a key that is not text', offset: at })
          continue
        }
        if (name === '<<') {
          findings.push({
            path,
            message: 'has a merge key (<<), which YAML 1.2 does not know',
            suggestion: 'write the keys out',
            offset: at,
          })
          continue
        }
        if (name === '__proto__') {
          findings.push({ path, message: 'may not have a key __proto__', offset: at })
          continue
        }
        if (entries.has(name)) {
          findings.push({
            path: [...path, name],
            message: `is there twice, first on line ${placeOf(entries.get(name)?.keyOffset ?? 0).line}`,
            suggestion: 'keep one',
            offset: at,
          })
        }
        entries.set(name, read(value, at, [...path, name]))
      }
      return { ...place, entries }
    }
    if (isSeq<Node | null>(node)) {
      return {
        ...place,
        items: node.items.map((item, index) => read(item, null, [...path, index])),
      }
    }
    if (node === null || node === undefined) return { ...place, value: null }
    if (!isScalar(node)) return refuse('could not be read')
    const { value } = node
    if (typeof value === 'string') {
      const textOffset = textOffsetOf(text, value, node.range)
      return { ...place, value, ...(textOffset === null ? {} : { textOffset }) }
    }
    if (value === null || typeof value === 'number' || typeof value === 'boolean') {
      return { ...place, value }
    }
    return refuse('is neither text, a number, true, false nor null')
  }
  return { tree: read(document.contents, null, []), findings, placeOf }
}

/** @returns what stands at `path`; undefined when nothing does */
export function nodeAt(tree: Located | undefined, path: Path): Located | undefined {
  let node: Located | undefined = tree
  for (const part of path) {
    node = typeof part === 'number' ? node?.items?.[part] : node?.entries?.get(part)
  }
  return node
}

/** The tree as plain values, for a schema to read. What is broken is left out. */
export function plainOf(node: Located): unknown {
  if (node.entries) {
    const pairs = [...node.entries].map(([key, entry]) => [key, plainOf(entry)] as const)
    return Object.fromEntries(pairs)
  }
  return node.items ? node.items.map(plainOf) : node.value
}

function keyName(key: unknown): string | null {
  return typeof key === 'string' || typeof key === 'number' || typeof key === 'boolean'
    ? String(key)
    : null
}

function textOffsetOf(
  text: string,
  value: string,
  range: readonly number[] | null | undefined,
): number | null {
  const [start, end] = range ?? []
  if (start === undefined || end === undefined) return null
  if (text.slice(start, end) === value) return start
  return text.slice(start + 1, end - 1) === value ? start + 1 : null
}

/** Sentences of our own where the library's would quote the file: what is quoted may be a secret. */
function syntaxFinding(code: string, message: string, offset: number, text: string): Finding {
  const at = { path: [], offset }
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1).split('\n', 1)[0] ?? ''
  if (code === 'UNEXPECTED_TOKEN' && /[[{,]\s*[^"'\n]*\$\{/.test(line)) {
    return {
      ...at,
      message: `is not YAML here: inside { } and [ ], \${…} needs quotes`,
      suggestion: `write "\${…}"`,
    }
  }
  switch (code) {
    case 'TAB_AS_INDENT':
      return { ...at, message: 'is indented with a tab', suggestion: 'use spaces' }
    case 'MULTIPLE_DOCS':
      return { ...at, message: 'holds a second document (---)', suggestion: 'keep one' }
    case 'TAG_RESOLVE_FAILED':
      return { ...at, message: 'has a tag (!…) that is not known here', suggestion: 'leave it out' }
    case 'RESOURCE_EXHAUSTION':
      return { ...at, message: `is nested deeper than ${MAX_DEPTH} levels` }
    case 'BLOCK_AS_IMPLICIT_KEY':
      return { ...at, message: 'has a second ": " on one line', suggestion: 'quote the value' }
    case 'BAD_SCALAR_START':
      return { ...at, message: 'has a value that starts with @ or `', suggestion: 'quote it' }
    case 'BAD_DQ_ESCAPE':
      return {
        ...at,
        message: 'has a backslash that means nothing in double quotes',
        suggestion: 'write it twice, or use single quotes',
      }
    case 'BAD_INDENT':
    case 'MISSING_CHAR':
      return { ...at, message: `is not YAML here: ${message}` }
    default:
      return {
        ...at,
        message: 'is not YAML here: something stands where nothing can',
        suggestion: 'quote the value, or close the bracket or quote before it',
      }
  }
}

/** The members of a map; none where there is no map. */
export function entriesAt(tree: Located, path: Path): readonly (readonly [string, Located])[] {
  return [...(nodeAt(tree, path)?.entries ?? [])]
}

/** The items of a list; none where there is no list. */
export function itemsAt(tree: Located, path: Path): readonly Located[] {
  return nodeAt(tree, path)?.items ?? []
}

/** Null where there is no text. */
export function textAt(tree: Located, path: Path): string | null {
  const value = nodeAt(tree, path)?.value
  return typeof value === 'string' ? value : null
}
