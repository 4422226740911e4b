/** The control API, as the page asks it: with the token it was given, and never for longer than it can wait. */

const TIMEOUT_MS = 10_000

/** What was asked was answered with no. `status` 0: nobody answered. */
export class Refused extends Error {
  readonly status: number
  readonly code: string

  constructor(status: number, code: string, message: string) {
    super(message)
    this.status = status
    this.code = code
  }
}

const KEY = 'headgate.token'

/** Kept by this tab alone, and gone with it. Empty: none. */
export function token(): string {
  return sessionStorage.getItem(KEY) ?? ''
}

export function keepToken(given: string): void {
  sessionStorage.setItem(KEY, given)
}

export function forgetToken(): void {
  sessionStorage.removeItem(KEY)
}

/** A link such as `/-/#token=…` signs in; the token leaves the address at once. Servers never see it. */
export function takeTokenFromAddress(): void {
  const given = /^#token=(.+)$/.exec(location.hash)?.[1]
  if (given === undefined) return
  keepToken(decodeURIComponent(given))
  history.replaceState(null, '', location.pathname)
}

export interface Asking {
  readonly method?: 'GET' | 'POST' | 'PUT'
  readonly body?: object
  readonly signal?: AbortSignal
}

/** @param path below `/-/api/v1/`. @throws {Refused} */
export async function ask<Answer>(path: string, asking: Asking = {}): Promise<Answer> {
  const signal = asking.signal ?? AbortSignal.timeout(TIMEOUT_MS)
  return (await opened(path, { ...asking, signal })).json() as Promise<Answer>
}

/** The answer as it comes, for streams. @throws {Refused} */
export async function opened(path: string, asking: Asking): Promise<Response> {
  const { method = 'GET', body, signal } = asking
  const headers: Record<string, string> = {}
  if (token() !== '') headers['authorization'] = `Bearer ${token()}`
  if (body !== undefined) headers['content-type'] = 'application/json'
  const init: RequestInit = { method, headers, cache: 'no-store' }
  if (body !== undefined) init.body = JSON.stringify(body)
  if (signal !== undefined) init.signal = signal
  const answer = await fetch(`/-/api/v1/${path}`, init).catch((error: unknown) => {
    throw new Refused(0, 'unreachable', error instanceof Error ? error.message : String(error))
  })
  if (answer.ok) return answer
  const said = await answer.json().catch(() => null)
  const { code = 'unknown', message = `the answer was ${answer.status}` } = said?.error ?? {}
  throw new Refused(answer.status, code, message)
}
