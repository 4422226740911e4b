import type * as z from 'zod'
import { nearest } from '../config/nearest.ts'

type Issue = z.core.$ZodIssue

/**
 * All that is wrong with a body or a query, in one line: the place, the bound, what was got, what was probably meant.
 * @param where what stands before the path: `query.limit`; nothing for a body
 * @param known the keys that may be there
 */
export function invalidText(
  issues: readonly Issue[],
  value: unknown,
  known: readonly string[],
  where = '',
): string {
  return issues.flatMap((issue) => findings(issue, value, known, where)).join('; ')
}

function findings(
  issue: Issue,
  value: unknown,
  known: readonly string[],
  where: string,
): readonly string[] {
  const place = [where, ...issue.path.map(String)].filter((part) => part !== '').join('.')
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const meant = nearest(key, known)
      const hint = meant === null ? `known here: ${known.join(', ')}` : `did you mean ${meant}?`
      return `${where || 'the body'} has no key ${shown(key)}: ${hint}`
    })
  }
  if (place === '') return [`the body must be ${wanted(issue)}`]
  const got = valueAt(value, issue.path)
  if (got === undefined) return [`${place} is missing: it must be ${wanted(issue)}`]
  return [`${place} must be ${wanted(issue)}, got ${shown(got)}`]
}

function wanted(issue: Issue): string {
  switch (issue.code) {
    case 'invalid_type':
      return NOUNS[issue.expected] ?? issue.expected
    case 'too_big':
      return `at most ${issue.maximum}`
    case 'too_small':
      return `at least ${issue.minimum}`
    default:
      return issue.message
  }
}

const NOUNS: Readonly<Record<string, string>> = {
  string: 'text',
  number: 'a number',
  int: 'a whole number',
  object: 'a JSON object',
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value
  for (const part of path) {
    if (typeof at !== 'object' || at === null) return undefined
    at = (at as Record<PropertyKey, unknown>)[part]
  }
  return at
}

function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}
