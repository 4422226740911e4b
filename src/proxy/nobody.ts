import type { Caller, FlatHeaders } from '../ports.ts'

/** A caller that takes everything and keeps nothing: for what Headgate asks by itself. */
export class Nobody implements Caller {
  readonly method: string
  readonly target: string
  readonly headers: Readonly<FlatHeaders>
  onDrain: (() => void) | null = null
  begun = false
  #listener: (() => void) | null = null

  /** @param headers what the upstream gets beside its key; what JSON asks for, unless given */
  constructor(method: string, path: string, headers: Readonly<FlatHeaders> = headersFor(path)) {
    this.method = method
    this.target = path
    this.headers = headers
  }

  leave(): void {
    this.#listener?.()
  }

  onLeave(listener: () => void): void {
    this.#listener = listener
  }

  stream(): unknown {
    return null
  }

  collect(): Promise<Uint8Array | 'too_large' | 'gone'> {
    return Promise.resolve('gone')
  }

  head(): void {
    this.begun = true
  }

  write(): boolean {
    return true
  }

  end(): void {}
  answer(): void {}
  destroy(): void {}
  background(): void {}
}

function headersFor(path: string): FlatHeaders {
  const headers = ['content-type', 'application/json', 'accept', '*/*']
  if (path.startsWith('/v1/messages')) headers.push('anthropic-version', '2023-06-01')
  return headers
}
