import type { Gate } from './gate.ts'
import type { Routes } from './routes.ts'

/**
 * A planted key that somebody shows at a door of Headgate's own: it opens nothing and nobody but the canary has seen it, so
 * it was read there.
 * @returns whether it is one
 */
export function notePlanted(
  { shadowWitness, log }: Pick<Gate, 'shadowWitness' | 'log'>,
  { plantedAt }: Pick<Routes, 'plantedAt'>,
  key: string | null,
  door: 'data' | 'control',
): boolean {
  const places = key === null || plantedAt === null ? [] : plantedAt(key)
  for (const { rollout, name } of places) {
    log.warn('a planted key was used', { rollout, name, door })
    const words = `the planted key ${name} was used at the door of the ${door} plane`
    const finding = { kind: 'planted_used', words, evidence: { secret: name, door } } as const
    shadowWitness(rollout, { what: 'caught', finding })
  }
  return places.length > 0
}
