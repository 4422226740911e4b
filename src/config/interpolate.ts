import type { Finding, Path } from './fault.ts'
import type { Located } from './tree.ts'

/** `${VAR}` and its relatives, filled in from the environment: in text values, after parsing, never in keys. */

/** The environment, as an argument. What is not text counts as unset. */
export type Env = Readonly<Record<string, unknown>>

/**
 * `${VAR}`, `${env:VAR}`; `${VAR:-x}` is x, `${VAR:?m}` a finding that says m, where VAR is unset or empty. `$${` is
 * `${` as text. What was filled in is not looked at again. Values of the environment are in no finding.
 */
export function interpolate(tree: Located, env: Env): { tree: Located; findings: Finding[] } {
  const findings: Finding[] = []
  const visit = (node: Located, path: Path): Located => {
    if (node.entries) {
      const entries = new Map<string, Located>()
      for (const [key, entry] of node.entries) entries.set(key, visit(entry, [...path, key]))
      return { ...node, entries }
    }
    if (node.items) {
      return { ...node, items: node.items.map((item, index) => visit(item, [...path, index])) }
    }
    if (typeof node.value !== 'string' || !node.value.includes('${')) return node
    const filled = fill(node.value, env)
    if (filled.faults.length === 0) return { ...node, value: filled.text, written: node.value }
    for (const { at, message, suggestion } of filled.faults) {
      const offset = node.textOffset === undefined ? node.offset : node.textOffset + at
      findings.push({ path, message, offset, ...(suggestion ? { suggestion } : {}) })
    }
    const { value, ...place } = node
    return { ...place, written: value, broken: true }
  }
  return { tree: visit(tree, []), findings }
}

interface Filled {
  readonly text: string
  readonly faults: readonly { at: number; message: string; suggestion?: string }[]
}

const REFERENCE = /^(?:env:)?([A-Za-z_][A-Za-z0-9_]*)(?:(:[-?])(.*))?$/s

function fill(written: string, env: Env): Filled {
  const faults: { at: number; message: string; suggestion?: string }[] = []
  let text = ''
  let from = 0
  while (true) {
    const at = written.indexOf('${', from)
    if (at === -1) return { text: text + written.slice(from), faults }
    if (at > from && written[at - 1] === '$') {
      text += `${written.slice(from, at - 1)}\${`
      from = at + 2
      continue
    }
    text += written.slice(from, at)
    const end = written.indexOf('}', at)
    if (end === -1) {
      faults.push({ at, message: 'opens ${ and never closes it', suggestion: LITERAL })
      return { text, faults }
    }
    from = end + 1
    const inside = written.slice(at + 2, end)
    const [, variable, operator, operand = ''] = REFERENCE.exec(inside) ?? []
    if (variable === undefined || operand.includes('${')) {
      const message =
        variable === undefined
          ? `has a \${…} that names no variable: \${VAR}, \${VAR:-default} and \${VAR:?message} are known`
          : `has a \${…} inside a \${…}`
      faults.push({ at, message, suggestion: LITERAL })
      continue
    }
    const found = env[variable]
    const value = typeof found === 'string' ? found : undefined
    if (operator === ':-') text += value || operand
    else if (operator === ':?' && !value) {
      faults.push({ at, message: `needs the environment variable ${variable}: ${operand}` })
    } else if (value === undefined) {
      faults.push({
        at,
        message: `needs the environment variable ${variable}, which is not set`,
        suggestion: `set it, or write \${${variable}:-default}`,
      })
    } else text += value
  }
}

const LITERAL = 'write $${ where ${ is meant as text'
