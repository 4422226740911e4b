import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { onTestFinished } from 'vitest'
import { randomFrom } from '../../src/demo/random.ts'

/** An upstream that answers everything with a word, drawn by a law that a test may change: a model, as small questions see it. */

export type Law = Readonly<Record<string, number>>

export interface Words {
  readonly baseUrl: string
  /** What it was asked, in order. */
  readonly prompts: readonly string[]
  /** From now on another model answers; null answers with 500. */
  become(law: Law | null): void
}

export async function startWords(law: Law, seed: string): Promise<Words> {
  const random = randomFrom(seed)
  const prompts: string[] = []
  let now: Law | null = law
  const server = createServer((request, answer) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { model, messages } = JSON.parse(Buffer.concat(chunks).toString())
      prompts.push(messages[0].content)
      if (now === null) {
        answer.writeHead(500).end()
        return
      }
      const content = random.weighted(Object.entries(now))
      const message = { role: 'assistant', content }
      const body = {
        id: `chatcmpl-${prompts.length}`,
        object: 'chat.completion',
        created: 1,
        model,
        choices: [{ index: 0, message, finish_reason: 'stop' }],
        usage: { prompt_tokens: 12, completion_tokens: 1, total_tokens: 13 },
      }
      answer.setHeader('content-type', 'application/json')
      answer.end(JSON.stringify(body))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    prompts,
    become(next) {
      now = next
    },
  }
}
