/** Pairs of answers, written by hand: what a measure of similarity should see, and what it may miss. */

/**
 * `paraphrase` and `code_same` say the same. The others do not: `negated` and `renumbered` by a word, `buggy` by a sign,
 * `truncated` by its end, `refused` and `other` altogether.
 */
export type Kind =
  | 'paraphrase'
  | 'code_same'
  | 'negated'
  | 'renumbered'
  | 'buggy'
  | 'truncated'
  | 'refused'
  | 'other'

export interface TextPair {
  readonly kind: Kind
  readonly one: string
  readonly other: string
}

const of = (kind: Kind, pairs: readonly (readonly [string, string])[]): TextPair[] =>
  pairs.map(([one, other]) => ({ kind, one, other }))

const RETRY =
  'Before the first byte reaches the caller a retry is safe, because nothing of the answer was seen. After it, a second try would send the beginning twice, so the stream is ended with an error instead.'
const BACKUP =
  'Backups run every night at 2:30. Each is kept for 30 days and copied to a second region. To restore one, stop the writers, load the copy, and replay the log from 02:30 on.'
const CACHE =
  'The cache holds the last good copy for 15 minutes. If the source answers with an error, the copy is served and marked as stale. Only after 3 failures in a row is the caller told.'
const HTTP =
  'A 404 says that there is no such resource, and a 410 that there was one and it is gone for good. Clients should delete bookmarks on 410 and may try again on 404.'
const BRIDGE =
  'The bridge was opened in 1932 and carries eight lanes. Its main span is 503 metres long, and the deck lies 52 metres above the water, so that ships can pass.'
const SQL =
  'An index helps a query only if its first column is among the conditions. Here the filter is on the date, and the index begins with the customer, so the table is read as a whole.'

const fence = (language: string, code: string): string =>
  `Here is the function:\n\n\`\`\`${language}\n${code}\n\`\`\`\n`

const SUM = fence(
  'python',
  'def total(items):\n    total = 0\n    for item in items:\n        if item.price is not None:\n            total += item.price * item.count\n    return total',
)
const SEARCH = fence(
  'ts',
  'export function indexOf(list: number[], wanted: number): number {\n  let low = 0\n  let high = list.length - 1\n  while (low <= high) {\n    const middle = (low + high) >> 1\n    if (list[middle] === wanted) return middle\n    if (list[middle] < wanted) low = middle + 1\n    else high = middle - 1\n  }\n  return -1\n}',
)
const LOCK = fence(
  'rust',
  'pub fn add(&self, key: &str, by: u64) -> u64 {\n    let mut counts = self.counts.lock().unwrap();\n    let count = counts.entry(key.to_string()).or_insert(0);\n    *count += by;\n    *count\n}',
)
const FETCH = fence(
  'js',
  'async function load(url) {\n  const response = await fetch(url)\n  if (!response.ok) throw new Error("status " + response.status)\n  return await response.json()\n}',
)

export const PAIRS: readonly TextPair[] = [
  ...of('paraphrase', [
    [
      RETRY,
      'You may retry safely until the caller has got the first byte, since it has seen nothing of the answer yet. Once it has, a second attempt would repeat the beginning; the stream then ends in an error.',
    ],
    [
      BACKUP,
      'Every night at 2:30 a backup is made, kept for 30 days, and copied to a second region. Restoring means: stop the writers, load the copy, and replay the log beginning at 02:30.',
    ],
    [
      CACHE,
      'For 15 minutes the last good copy stays in the cache. When the source fails, that copy is given out and marked stale; the caller hears of it only after 3 failures in a row.',
    ],
    [
      HTTP,
      'While 404 means that no such resource exists, 410 means that it existed and is gone permanently. On 410 clients should delete their bookmarks; on 404 they can try again.',
    ],
    [
      BRIDGE,
      'Opened in 1932, the bridge has eight lanes. The deck is 52 metres above the water so that ships can pass, and the main span measures 503 metres.',
    ],
    [
      SQL,
      'Only if the first column of an index is among the conditions does it help. The index starts with the customer, but the filter is on the date; hence the whole table is read.',
    ],
    ['Restart the worker and watch the queue.', 'Watch the queue after restarting the worker.'],
    ['The meeting moves to Thursday at 10.', 'Thursday at 10 is the new time of the meeting.'],
    [
      'Two tests fail on the main branch, both in the parser.',
      'On the main branch two tests are failing; both of them are parser tests.',
    ],
    [
      'Use a queue when producers are faster than consumers for a short time, and a limit when they are faster for long.',
      'If producers outrun consumers only briefly, a queue is right. If they do so for long, set a limit.',
    ],
    [
      'Your order has shipped and should arrive on Monday. You will get a message when it is out for delivery.',
      'We have sent your order; expect it on Monday. As soon as it is out for delivery you will receive a message.',
    ],
    [
      'The error comes from a missing comma in line 12 of the configuration.',
      'In line 12 of the configuration a comma is missing, and that causes the error.',
    ],
  ]),
  ...of('code_same', [
    [
      SUM,
      SUM.replace('    total = 0', '    # nothing yet\n    total = 0').replace(
        'Here is the function',
        'The function',
      ),
    ],
    [SEARCH, SEARCH.replaceAll('  ', '    ').replace('let low = 0', 'let low = 0 // first')],
    [LOCK, LOCK.replace('*count += by;', '/* guarded */ *count += by;')],
    [FETCH, FETCH.replace('async function load(url) {', 'async function load(url)\n{')],
  ]),
  ...of('negated', [
    [RETRY, RETRY.replace('a retry is safe', 'a retry is not safe')],
    [BACKUP, BACKUP.replace('stop the writers', 'do not stop the writers')],
    [CACHE, CACHE.replace('the copy is served', 'the copy is never served')],
    [HTTP, HTTP.replace('should delete', 'should not delete')],
    [SQL, SQL.replace('helps a query only', 'does not help a query')],
    ['Restart the worker and watch the queue.', 'Do not restart the worker, and watch the queue.'],
    ['The change is safe to deploy on a Friday.', 'The change isn’t safe to deploy on a Friday.'],
    [
      'You need a permit to cross the bridge with a truck.',
      'You need no permit to cross the bridge with a truck.',
    ],
  ]),
  ...of('renumbered', [
    [BACKUP, BACKUP.replace('30 days', '90 days')],
    [CACHE, CACHE.replace('15 minutes', '50 minutes')],
    [BRIDGE, BRIDGE.replace('503', '305')],
    [HTTP, HTTP.replaceAll('410', '401')],
    ['The meeting moves to Thursday at 10.', 'The meeting moves to Thursday at 11.'],
    [
      'The total is 1,284.50 francs, due in 14 days.',
      'The total is 1,248.50 francs, due in 14 days.',
    ],
    [
      'Take two tablets every eight hours for five days.',
      'Take five tablets every eight hours for two days.',
    ],
    [
      'Port 8787 is the data plane, port 8788 the control plane.',
      'Port 8788 is the data plane, port 8787 the control plane.',
    ],
  ]),
  ...of('buggy', [
    [SUM, SUM.replace('total += item.price', 'total = item.price')],
    [SUM, SUM.replace('    return total', '        return total')],
    [SEARCH, SEARCH.replace('low <= high', 'low < high')],
    [SEARCH, SEARCH.replace('middle + 1', 'middle')],
    [LOCK, LOCK.replace('*count += by;', '*count -= by;')],
    [LOCK, LOCK.replace('or_insert(0)', 'or_insert(1)')],
    [FETCH, FETCH.replace('!response.ok', 'response.ok')],
    [FETCH, FETCH.replace('await response.json()', 'response.json')],
  ]),
  ...of('truncated', [
    [RETRY, RETRY.slice(0, 90)],
    [BACKUP, BACKUP.slice(0, 80)],
    [CACHE, CACHE.slice(0, 70)],
    [BRIDGE, BRIDGE.slice(0, 60)],
    [SQL, SQL.slice(0, 80)],
    [SEARCH, SEARCH.slice(0, 160)],
  ]),
  ...of('refused', [
    [RETRY, 'I’m sorry, but I can’t help with that request.'],
    [BACKUP, 'I cannot assist with backups, because I have no access to your systems.'],
    [CACHE, 'As an AI language model, I am unable to answer questions about your cache.'],
    [SUM, 'I’m not able to write code for you. Please consult a professional.'],
    [BRIDGE, 'Sorry, I can’t share information about that bridge.'],
    [SQL, 'I can’t help with that.'],
  ]),
  ...of('other', [
    [RETRY, BRIDGE],
    [BACKUP, HTTP],
    [
      CACHE,
      'Fry the onions until they are golden, add the rice, and stir until it is glassy. Then pour in the broth, a ladle at a time.',
    ],
    [HTTP, SQL],
    [SQL, 'The contract ends with the quarter unless one of the parties renews it in writing.'],
    [BRIDGE, CACHE],
    [SUM, LOCK],
    [SEARCH, FETCH],
  ]),
]
