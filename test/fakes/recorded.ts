import type { IncomingHttpHeaders } from 'node:http'
import type { Faults } from '../../src/demo/faults.ts'
import { startUpstream } from '../../src/demo/upstreams.ts'
import { call } from './caller.ts'
import { drained, type ScriptedUpstream, startScripted } from './scripted-upstream.ts'

/** What a simulated upstream answers when nobody stands between: the measure of a faithful answer. */
export interface Recording {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
}

export async function record(
  path: string,
  body: unknown,
  fault: Faults | null = null,
  headers: Readonly<Record<string, string>> = {},
): Promise<Recording> {
  const upstream = await startUpstream({ name: 'recorded', seed: 5 })
  try {
    await upstream.setFault(fault)
    return await call(upstream.url + path, { body, headers })
  } finally {
    await upstream.close()
  }
}

/** Plays a recording, cut into pieces of this many bytes; each goes out in a turn of its own. */
export function replay(recording: Recording, pieceBytes = Infinity): Promise<ScriptedUpstream> {
  const { status, headers, bytes } = recording
  const { connection, 'keep-alive': _, 'transfer-encoding': __, ...kept } = headers
  return startScripted(async (_, response) => {
    response.writeHead(status, kept)
    response.flushHeaders()
    const length = Math.min(pieceBytes, bytes.length)
    for (let at = 0; at < bytes.length && !response.destroyed; at += length) {
      if (!response.write(bytes.subarray(at, at + length))) await drained(response)
      await new Promise((resolve) => setImmediate(resolve))
    }
    response.end()
  })
}
