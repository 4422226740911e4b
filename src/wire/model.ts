import type { Arm } from '../types.ts'

/** Names of models, as answers carry them. */

/**
 * Is this the answer of another model than the one asked for? What control answers for the same ask is right by
 * definition, so control is never wrong and an ask that control has not answered yet is not judged.
 * @param sent the model's name at this upstream
 * @param echoes what control has answered for the same ask; null when it has not yet
 */
export function isWrongModel(
  arm: Arm,
  asked: string | null,
  sent: string | null,
  answered: string | null,
  echoes: ReadonlySet<string> | null,
): boolean {
  if (arm === 'control' || answered === null || asked === null) return false
  if (isNamed(answered, asked) || isNamed(answered, sent)) return false
  return echoes !== null && !echoes.has(answered)
}

/** The name itself, or the name with a date behind it: `gpt-5.2-2026-03-01`, `claude-opus-4-6-20260301`. */
function isNamed(answered: string, name: string | null): boolean {
  if (name === null || !answered.startsWith(name)) return false
  return /^(-\d{4}-\d{2}-\d{2}|-\d{8}|@\d{8})?$/.test(answered.slice(name.length))
}
