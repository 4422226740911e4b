import { parse, type YAMLParseError } from 'yaml'
import * as z from 'zod'
import { modelPrices } from './schema/upstream.ts'

/** The user's own file of prices, `prices:` in the configuration: what models cost officially, before the built-in table. */

const priceFileSchema = z.strictObject({
  /** For people: when these prices were looked up, say. */
  comment: z.string().optional(),
  models: z.record(z.string().min(1), modelPrices),
})

export type ParsedPrices =
  | { readonly ok: true; readonly models: z.output<typeof priceFileSchema>['models'] }
  | { readonly ok: false; readonly faults: readonly string[] }

/** Reads YAML or JSON. Never throws. */
export function parsePrices(text: string): ParsedPrices {
  let value: unknown
  try {
    value = parse(text)
  } catch (error) {
    const { message } = error as YAMLParseError
    const [first = ''] = message.split('\n')
    return { ok: false, faults: [first.replace(/:$/, '')] }
  }
  const parsed = priceFileSchema.safeParse(value)
  if (parsed.success) return { ok: true, models: parsed.data.models }
  return { ok: false, faults: parsed.error.issues.map(faultText) }
}

function faultText({ path, message }: z.core.$ZodIssue): string {
  return `${path.length === 0 ? 'it' : path.map(String).join('.')}: ${message}`
}
