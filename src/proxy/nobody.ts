import type { Caller } from '../ports.ts'

/** A caller that takes everything and keeps nothing: for what Headgate asks by itself. */
export class Nobody implements Caller {
  readonly method: string
  readonly target: string
  readonly headers: string[]
  onDrain: (() => void) | null = null
  begun = false
  #listener: (() => void) | null = null

  constructor(method: string, path: string) {
    this.method = method
    this.target = path
    this.headers = ['content-type', 'application/json', 'accept', '*/*']
    if (path.startsWith('/v1/messages')) this.headers.push('anthropic-version', '2023-06-01')
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
}
