import type { Log } from '../ports.ts'

/** An exporter in a list of its own, or none and a word about it. @param exporter null where nobody knows that name, or not with its protocol */
export function found<Exporter>(
  exporter: Exporter | null,
  name: string,
  log: Log,
): readonly Exporter[] {
  if (exporter !== null) return [exporter]
  log.warn('this exporter is not known, or not with this protocol', { exporter: name })
  return []
}
