/** What an Unleash answered, or why it did not, for a person: never a token. */

/** Null when it is `maxBytes` or longer. A gzip bomb is measured as it unfolds. */
export async function textOf(response: Response, maxBytes: number): Promise<string | null> {
  if (response.body === null) return ''
  const decoder = new TextDecoder()
  let text = ''
  let size = 0
  for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength
    if (size >= maxBytes) return null
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/** `ECONNREFUSED` says more than `fetch failed`. */
export function why(error: unknown): string {
  const cause = error instanceof Error ? error.cause : undefined
  const code = (cause ?? error) as { code?: unknown; message?: unknown } | undefined
  const words = typeof code?.code === 'string' ? code.code : 'network'
  return `could not be asked (${words})`
}
