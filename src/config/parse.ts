import { Fault, type Finding, Note, type Path, type Place } from './fault.ts'
import { type Env, interpolate } from './interpolate.ts'
import { findingsOf } from './issues.ts'
import { crossFindings } from './references.ts'
import { type Config, configSchema } from './schema.ts'
import { typed } from './shape.ts'
import { nodeAt, plainOf, readTree, type Source } from './tree.ts'

/** `headgate.yaml` as text -> a configuration, or every fault of it at once. */

/** Where a path stands in the file it was read from; the nearest place above it when it is not there. */
export type Locate = (path: Path) => Place

export type ParsedConfig =
  | {
      readonly ok: true
      readonly config: Config
      readonly notes: readonly Note[]
      readonly locate: Locate
    }
  | { readonly ok: false; readonly faults: readonly Fault[]; readonly notes: readonly Note[] }

/**
 * Reads YAML 1.2 or JSON. Never throws. Faults and notes come in the order of the file; neither holds a secret or a
 * value of the environment.
 * @param options.file the name that faults carry; it is not opened
 * @param options.env what `${VAR}` is filled in from
 */
export function parseConfig(
  text: string,
  options: { readonly file: string; readonly env: Env },
): ParsedConfig {
  const { file, env } = options
  const source = readTree(text)
  if (source.tree === null) {
    return { ok: false, faults: placed(source.findings, source, file, Fault), notes: [] }
  }
  const filled = interpolate(source.tree, env)
  const tree = typed(filled.tree)
  const whole: Source = { ...source, tree }
  const parsed = configSchema.safeParse(plainOf(tree))
  const cross = crossFindings(tree)
  const findings = [
    ...source.findings,
    ...filled.findings,
    ...(parsed.success ? [] : findingsOf(parsed.error.issues, tree)),
    ...cross.faults,
  ]
  const notes = placed(cross.notes, whole, file, Note)
  if (findings.length > 0 || !parsed.success) {
    return { ok: false, faults: placed(findings, whole, file, Fault), notes }
  }
  const locate: Locate = (path) => ({ file, ...source.placeOf(offsetOf(path, whole)) })
  return { ok: true, config: parsed.data, notes, locate }
}

function placed<Kind extends Note>(
  findings: readonly Finding[],
  source: Source,
  file: string,
  Kind: new (place: Place, finding: Finding) => Kind,
): Kind[] {
  const found = findings
    .map((finding) => ({ finding, offset: finding.offset ?? offsetOf(finding.path, source) }))
    .sort((a, b) => a.offset - b.offset)
    .map(({ finding, offset }) => new Kind({ file, ...source.placeOf(offset) }, finding))
  return [...new Map(found.map((one) => [String(one), one])).values()]
}

/** A scalar's own place; the key of a map or a list; the nearest key above what is not there. */
function offsetOf(path: Path, { tree }: Source): number {
  for (let length = path.length; length > 0; length--) {
    const node = nodeAt(tree ?? undefined, path.slice(0, length))
    if (node === undefined) continue
    const isText = node.value !== undefined && node.value !== null
    return length === path.length && (isText || node.broken) ? node.offset : node.keyOffset
  }
  return 0
}
