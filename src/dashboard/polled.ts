import { useEffect, useState } from 'preact/hooks'
import { ask, Refused } from './api.ts'
import { connection } from './live.ts'

/** What a screen asks for again and again while it is shown. */

export interface Polled<Answer> {
  /** The last good answer; it stays while nobody answers. */
  readonly answer: Answer | null
  /** Why there is no newer one; null when there is. */
  readonly refused: Refused | null
}

/** @param path below `/-/api/v1/`; null asks nothing */
export function usePolled<Answer>(path: string | null, everyMs: number): Polled<Answer> {
  const [state, setState] = useState<Polled<Answer>>({ answer: null, refused: null })
  useEffect(() => {
    if (path === null) return
    let over = false
    let timer: ReturnType<typeof setTimeout> | undefined
    const read = async (): Promise<void> => {
      if (!document.hidden && connection.value !== 'lost') {
        try {
          const answer = await ask<Answer>(path)
          if (!over) setState({ answer, refused: null })
        } catch (error) {
          const refused = error instanceof Refused ? error : new Refused(0, 'failed', String(error))
          if (!over) setState(({ answer }) => ({ answer, refused }))
        }
      }
      if (!over) timer = setTimeout(read, everyMs)
    }
    setState({ answer: null, refused: null })
    void read()
    return () => {
      over = true
      clearTimeout(timer)
    }
  }, [path, everyMs])
  return state
}
