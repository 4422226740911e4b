/** Server-sent events out of a fetch (WHATWG HTML, 9.2.6): `EventSource` cannot send a token. */

export interface Frame {
  readonly id: string | null
  readonly data: string
}

/** Longer than this nothing sent is no event of ours. */
const MOST_CHARACTERS = 1_000_000

/** Whole frames as they come; ends with the stream. @param onSign told of every sign of life, comments too */
export async function* framesOf(
  body: ReadableStream<Uint8Array>,
  onSign: () => void,
): AsyncGenerator<Frame> {
  const reader = body.pipeThrough(new TextDecoderStream() as never).getReader()
  let rest = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    onSign()
    rest += value as unknown as string
    const frames = rest.split('\n\n')
    rest = frames.pop() ?? ''
    if (rest.length > MOST_CHARACTERS) return
    for (const text of frames) {
      const frame = frameOf(text)
      if (frame !== null) yield frame
    }
  }
}

function frameOf(text: string): Frame | null {
  let id: string | null = null
  const data: string[] = []
  for (const line of text.split('\n')) {
    if (line.startsWith('id:')) id = line.slice(3).trim()
    if (line.startsWith('data:')) data.push(line.slice(5).trimStart())
  }
  return data.length === 0 ? null : { id, data: data.join('\n') }
}
