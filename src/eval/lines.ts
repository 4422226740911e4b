import type * as z from 'zod'

/** JSON, one object a line, each with an `id` of its own. */

/** All items, or all faults, each with its place: `prompts.jsonl:12: tier must be …`. */
export type Parsed<Item> =
  | { readonly ok: true; readonly items: readonly Item[] }
  | { readonly ok: false; readonly faults: readonly string[] }

type Read<Item> =
  | { readonly ok: true; readonly item: Item }
  | { readonly ok: false; readonly faults: readonly string[] }

/** An empty file is a fault: nothing was asked, and nothing must not pass. */
export function parseLines<Item extends { readonly id: string }>(
  text: string,
  file: string,
  read: (value: unknown) => Read<Item>,
): Parsed<Item> {
  const items: Item[] = []
  const faults: string[] = []
  const firstLines = new Map<string, number>()
  for (const [index, line] of text.split('\n').entries()) {
    const bare = line.trim()
    if (bare === '' || bare.startsWith('//')) continue
    const at = `${file}:${index + 1}`
    let value: unknown
    try {
      value = JSON.parse(bare)
    } catch {
      faults.push(`${at}: is no JSON; one object a line is wanted`)
      continue
    }
    const one = read(value)
    if (!one.ok) {
      faults.push(...one.faults.map((fault) => `${at}: ${fault}`))
      continue
    }
    const before = firstLines.get(one.item.id)
    if (before !== undefined) {
      faults.push(`${at}: id ${one.item.id} is that of line ${before} already`)
      continue
    }
    firstLines.set(one.item.id, index + 1)
    items.push(one.item)
  }
  if (faults.length === 0 && items.length === 0) faults.push(`${file}: holds nothing`)
  return faults.length === 0 ? { ok: true, items } : { ok: false, faults }
}

/** One fault of zod's as a sentence: `check.timeoutMs Too big: …`. */
export function faultText({ path, message }: z.core.$ZodIssue): string {
  return path.length === 0 ? message : `${path.join('.')} ${message}`
}
