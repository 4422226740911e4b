import type { Context } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import type * as z from 'zod'
import { invalidText } from './invalid.ts'
import { refusal } from './refusal.ts'

const MAX_BODY_BYTES = 65_536

/** 413 past 64 KiB. */
export const limited = bodyLimit({
  maxSize: MAX_BODY_BYTES,
  onError: (context) =>
    refusal(context, 413, 'too_large', `the body must be at most ${MAX_BODY_BYTES} bytes`),
})

/**
 * The body of a write, as its schema has it.
 * @param options.bare true where no body at all is as good as `{}`
 * @returns the answer to give where it is not JSON (415), or not what was asked for (400)
 */
export async function bodyOf<Schema extends z.ZodObject>(
  context: Context,
  schema: Schema,
  { bare }: { readonly bare: boolean },
): Promise<
  { readonly ok: true; readonly body: z.output<Schema> } | { readonly ok: false; no: Response }
> {
  const text = await context.req.text()
  const empty = text.trim() === ''
  const misfit = empty && bare ? null : notJson(context)
  if (misfit !== null) return { ok: false, no: misfit }
  const value = empty && bare ? {} : parsed(text)
  const result = schema.safeParse(value)
  if (result.success) return { ok: true, body: result.data }
  const message =
    value === undefined
      ? 'the body must be JSON'
      : invalidText(result.error.issues, value, Object.keys(schema.shape))
  return { ok: false, no: refusal(context, 400, 'invalid_request', message) }
}

/** 415, for a body that does not say it is JSON: what another site's form can send is none. Null for one that does. */
export function notJson(context: Context): Response | null {
  if (JSON_TYPE.test(context.req.header('content-type') ?? '')) return null
  const message = 'send the body as JSON, with content-type: application/json'
  return refusal(context, 415, 'unsupported_media_type', message)
}

const JSON_TYPE = /^application\/json\s*(;|$)/i

/** Undefined for what is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
