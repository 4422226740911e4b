import { hashOf, randomFrom } from './random.ts'

/**
 * What a simulated model says. The prompt decides the sentences and the seed how each is put, so two upstreams with
 * different seeds paraphrase each other; every text says that it is simulated.
 */

/** The first words of every text. */
export const SIMULATED = 'Simulated answer:'

const SENTENCES: readonly (readonly string[])[] = [
  ['The invoice was paid on time.', 'Payment of the invoice arrived when due.'],
  ['Restart the worker and watch the queue.', 'Watch the queue after restarting the worker.'],
  ['The cache holds the last good copy.', 'The last good copy stays in the cache.'],
  ['A retry is safe before the first byte.', 'Before the first byte you may safely retry.'],
  ['Your order ships tomorrow morning.', 'Tomorrow morning your order is sent.'],
  ['The index was rebuilt overnight.', 'Overnight the index was built again.'],
  ['Two tests fail on the main branch.', 'On the main branch there are two failing tests.'],
  ['The contract ends with the quarter.', 'When the quarter closes, the contract ends.'],
  ['Latency rose after the last deploy.', 'Since the last deploy latency is higher.'],
  ['Please check the address once more.', 'Once more, please verify the address.'],
  ['The gate opens at the head of the canal.', 'At the head of the canal the gate is opened.'],
  ['Backups are kept for thirty days.', 'For thirty days we keep the backups.'],
  ['The model reads the whole document first.', 'First the whole document is read by the model.'],
  ['Nothing in the log points to data loss.', 'The log shows no sign of lost data.'],
  ['The meeting moves to Thursday.', 'Thursday is the new day of the meeting.'],
  ['Smaller batches finish sooner.', 'You finish sooner with smaller batches.'],
]

/**
 * A text of about `words` words (never fewer), ending on a whole sentence.
 * @param words the length wanted; unless given, the prompt decides on 12..60
 */
export function prose(seed: number | string, prompt: string, words?: number): string {
  const what = randomFrom(`prose/${hashOf(prompt)}`)
  const how = randomFrom(`prose/${hashOf(prompt)}/${seed}`)
  const wanted = words ?? 12 + what.int(49)
  const parts = [SIMULATED, `reference ${1_000 + what.int(9_000)}.`]
  let count = 4
  while (count < wanted) {
    const sentence = how.choice(what.choice(SENTENCES))
    parts.push(sentence)
    count += sentence.split(' ').length
  }
  return parts.join(' ')
}

/** A text as a stream cuts it: a word a piece, each but the first with its leading space. Joined, they are the text. */
export function piecesOf(text: string): string[] {
  return text.match(/\s*\S+|\s+$/g) ?? []
}

/** Tokens of a prompt, at four characters each. The same rule in both dialects, so that arms can be compared. */
export function tokensOf(text: string): number {
  return Math.ceil(text.length / 4)
}

/** A unit vector in which texts that share words are near. Dimensions below 1 are read as 1. */
export function embeddingOf(text: string, dimensions: number): Float32Array {
  const vector = new Float32Array(Math.max(1, dimensions))
  for (const word of text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? ['']) {
    const draw = randomFrom(`word/${word}`)
    for (let spread = 0; spread < 8; spread++) {
      const at = draw.int(vector.length)
      vector[at] = (vector[at] ?? 0) + (draw.chance(0.5) ? 1 : -1)
    }
  }
  let square = 0
  for (const value of vector) square += value * value
  // Draws can cancel out; a vector must still have length 1.
  if (square === 0) vector[0] = square = 1
  const norm = Math.sqrt(square)
  return vector.map((value) => value / norm)
}
