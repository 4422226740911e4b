import { MODEL, requestOf } from '../overhead/workloads.ts'

/** What is asked of the upstream: `seed` says how it answers. */

const SEEDS = { whole: 1, brief: 2, held: 3, flood: 4 } as const
export type Manner = keyof typeof SEEDS

/** Of about 1 KB. Another `variant` is another conversation, which may fall to the other arm. */
export function questionOf(manner: Manner, variant: number): Buffer {
  const content = `Ticket ${variant}: ${'the invoice of last month is not the one that was ordered '.repeat(12)}`
  return requestOf(
    JSON.stringify({
      model: MODEL,
      ...(manner === 'whole' ? {} : { stream: true }),
      seed: SEEDS[manner],
      messages: [{ role: 'user', content }],
      temperature: 0.2,
    }),
  )
}

const MARKS = Object.entries(SEEDS).map(
  ([manner, seed]) => [manner as Manner, Buffer.from(`"seed":${seed},`)] as const,
)

/** Whole for whoever only wants to know whether somebody is there. */
export function mannerOf(body: Buffer): Manner {
  return MARKS.find(([, mark]) => body.indexOf(mark) >= 0)?.[0] ?? 'whole'
}
