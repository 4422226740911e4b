/** Documents for tests, short to write. */
import { type FlagDocument, parseDocument } from '../../src/flag/document.ts'

export type Loose = Readonly<Record<string, unknown>>

export function documentOf(
  features: readonly Loose[],
  segments: readonly Loose[] = [],
): FlagDocument {
  const parsed = parseDocument(JSON.stringify({ version: 2, segments, features }))
  if (!parsed.ok) throw new Error(parsed.faults.join('\n'))
  return parsed.document
}

/** One enabled feature of the name `headgate-relay`. */
export function relay(strategies: readonly Loose[], more: Loose = {}): Loose {
  return { name: 'headgate-relay', enabled: true, strategies, ...more }
}

/** A gradual strategy that nests with the rollout `headgate-relay`. */
export function gradual(rollout: string | number, more: Loose = {}, parameters: Loose = {}): Loose {
  return {
    name: 'flexibleRollout',
    parameters: { rollout, stickiness: 'default', groupId: 'headgate-relay', ...parameters },
    ...more,
  }
}

export function kill(strategies: readonly Loose[], more: Loose = {}): Loose {
  return { name: 'headgate-kill', enabled: true, strategies, ...more }
}

export function where(contextName: string, ...values: string[]): Loose {
  return { contextName, operator: 'IN', values }
}

export function variant(name: string, weight: number): Loose {
  return { name, weight, stickiness: 'default' }
}
