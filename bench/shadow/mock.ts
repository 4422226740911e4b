import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** PROCESS: an upstream that streams forty chunks, one that fails and one that hangs, each on a port of its own. */

const CHUNKS = 40
const chunk = (content: string, finish: string | null = null): string =>
  `data: ${JSON.stringify({
    id: 'chatcmpl-1',
    object: 'chat.completion.chunk',
    created: 1,
    model: 'gpt-5.2',
    choices: [{ index: 0, delta: { content }, finish_reason: finish }],
  })}\n\n`
const events = [
  ...Array.from({ length: CHUNKS }, (_, index) => chunk(`word-${index} of a canal's gate `)),
  chunk('', 'stop'),
  'data: [DONE]\n\n',
]

function listen(answer: Parameters<typeof createServer>[1]): Promise<number> {
  const server = createServer((request, response) => {
    request.resume()
    request.on('end', () => answer?.(request, response))
  })
  return new Promise((done) => {
    server.listen(0, '127.0.0.1', () => done((server.address() as AddressInfo).port))
  })
}

const good = await listen((_, response) => {
  response.writeHead(200, { 'content-type': 'text/event-stream' })
  let next = 0
  const write = (): void => {
    for (let turn = 0; turn < 4 && next < events.length; turn++) response.write(events[next++])
    if (next < events.length) setTimeout(write, 1)
    else response.end()
  }
  write()
})
const failing = await listen((_, response) => {
  response.writeHead(500, { 'content-type': 'application/json' })
  response.end('{"error":{"message":"no"}}')
})
const hanging = await listen(() => {})

process.on('disconnect', () => process.exit())
process.send?.({ good, failing, hanging })
