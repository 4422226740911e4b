import { validator } from 'hono-openapi'
import type * as z from 'zod'
import { invalidText } from './invalid.ts'
import { refusal } from './refusal.ts'

/** What a route's query may hold, for the route and for its description; anything else is 400. */
export function asked<Schema extends z.ZodObject>(schema: Schema) {
  return validator('query', schema, (result, context) => {
    if (result.success) return
    const issues = result.error as readonly z.core.$ZodIssue[]
    const message = invalidText(issues, result.data, Object.keys(schema.shape), 'query')
    return refusal(context, 400, 'invalid_request', message)
  })
}
