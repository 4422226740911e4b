import type { EventView } from '../api/views/event.ts'
import { wordsOf } from './format.ts'

/** What happened, as a mark on every chart. */

export interface Mark {
  readonly atMs: number
  readonly kind: 'bad' | 'good' | 'ink-3'
  readonly glyph: string
  readonly words: string
}

const GLYPHS: Readonly<Record<string, readonly [glyph: string, kind: Mark['kind']]>> = {
  started: ['▶', 'good'],
  advanced: ['▲', 'good'],
  resumed: ['▶', 'good'],
  completed: ['✓', 'good'],
  promoted: ['✓', 'good'],
  rearmed: ['↺', 'ink-3'],
  suspended: ['!', 'bad'],
  rolled_back: ['✕', 'bad'],
  note: ['✎', 'ink-3'],
}

/** Of one rollout: what moved it, and what people wrote down. What else changes nothing has none. */
export function marksOf(events: readonly EventView[], rollout: string): readonly Mark[] {
  return events
    .filter((event) => event.rollout === rollout && (isChange(event) || event.type === 'note'))
    .map(({ at, type, by, reason, after }) => {
      const [glyph, kind] = glyphOf(type)
      return {
        atMs: Date.parse(at),
        kind,
        glyph,
        words:
          type === 'note'
            ? `note by ${by}: ${reason}`
            : `${wordsOf(type)} to ${after.share} % by ${by}`,
      }
    })
}

export function glyphOf(type: string): readonly [glyph: string, kind: Mark['kind']] {
  return GLYPHS[type] ?? ['·', 'ink-3']
}

function isChange({ before, after }: EventView): boolean {
  return before.state !== after.state || before.share !== after.share
}
