import { readdirSync, readFileSync } from 'node:fs'
import type { Usage } from '../../src/types.ts'

/** Recorded streams: the first line says what was asked and what an observer must find, then one chunk a line. */
export interface Recording {
  readonly name: string
  readonly path: string
  readonly ask: Record<string, unknown>
  readonly expect: {
    readonly outcome: string
    readonly finishReason: string | null
    readonly model: string | null
    readonly usage: Usage | null
    /** The caller did not ask for the last chunk but one: it must not get it. */
    readonly drops?: 'last-usage'
  }
  readonly chunks: readonly string[]
}

export function recordings(): Recording[] {
  const folder = new URL('.', import.meta.url)
  return readdirSync(folder)
    .filter((file) => file.endsWith('.jsonl'))
    .map((file) => {
      const lines = readFileSync(new URL(file, folder), 'utf8').trimEnd().split('\n')
      const [head, ...chunks] = lines.map((line) => JSON.parse(line))
      return { name: file.replace('.jsonl', ''), ...head, chunks }
    })
}
