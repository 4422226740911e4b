import * as z from 'zod'
import { faultText, type Parsed, parseLines } from './lines.ts'

/** A set of prompts on disk: one JSON object a line, each a question that both arms get. */

/** Languages whose answers can be executed. */
const CHECK_LANGUAGES = ['python', 'typescript', 'rust'] as const

export type CheckLanguage = (typeof CHECK_LANGUAGES)[number]

const label = z.string().min(1).max(64).default('none')

const message = z.strictObject({
  role: z.enum(['system', 'user', 'assistant']),
  content: z.string().min(1),
})

const promptSchema = z
  .strictObject({
    id: z
      .string()
      .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'must be 1..100 letters, digits, ., _ or -'),
    /** What kind of work it is: reports tell each apart. */
    domain: label,
    language: label,
    /** How hard it is. */
    tier: label,
    /** One user message; in place of `messages`. */
    prompt: z.string().min(1).optional(),
    messages: z.array(message).min(1).optional(),
    /** Further members of the request: `temperature`, `tools`, `response_format`. */
    params: z.record(z.string(), z.json()).optional(),
    check: z
      .strictObject({
        language: z.enum(CHECK_LANGUAGES),
        /** A program that imports the answer's code as `solution` and ends with an error where it is wrong. */
        test: z.string().min(1),
        /** Milliseconds for the program, without its compiler; 10 s unless given. */
        timeoutMs: z.int().min(100).max(120_000).default(10_000),
      })
      .optional(),
  })
  .refine(({ prompt, messages }) => (prompt === undefined) !== (messages === undefined), {
    error: 'must have prompt or messages, and not both',
  })

export type Message = z.output<typeof message>

export interface Check {
  readonly language: CheckLanguage
  readonly test: string
  readonly timeoutMs: number
}

/** One question. */
export interface Prompt {
  readonly id: string
  readonly domain: string
  readonly language: string
  readonly tier: string
  readonly messages: readonly Message[]
  /** Further members of the request; none unless given. */
  readonly params?: Readonly<Record<string, unknown>> | undefined
  /** Null where nothing can be executed. */
  readonly check: Check | null
}

/**
 * Every prompt of a file, or every fault of it. Blank lines and lines that begin with `//` are passed over.
 * @param file its name, for faults: `prompts.jsonl:12: …`
 */
export function parsePrompts(text: string, file: string): Parsed<Prompt> {
  return parseLines(text, file, (value) => {
    const parsed = promptSchema.safeParse(value)
    if (!parsed.success) return { ok: false, faults: parsed.error.issues.map(faultText) }
    const { prompt, messages, check, ...rest } = parsed.data
    const asked = messages ?? [{ role: 'user' as const, content: prompt ?? '' }]
    return { ok: true, item: { ...rest, messages: asked, check: check ?? null } }
  })
}
