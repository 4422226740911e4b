/** When a step may begin: `Mon-Fri 09:00-17:00 Europe/Berlin`. The instant is an argument. */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'] as const
const DAY_MINUTES = 1_440
const MINUTE_MS = 60_000
/** What an instant may be at most, on either side of 1970: ECMA-262, "Time Values and Time Range". */
const MAX_INSTANT_MS = 8.64e15

/** Recurring hours of the week, on the clock of one place. */
export interface Window {
  /** As it was written. */
  readonly text: string
  /** @param at milliseconds since the epoch; outside every window when it is no instant */
  contains(at: number): boolean
}

export type ParsedWindow =
  | { readonly ok: true; readonly window: Window }
  | { readonly ok: false; readonly fault: string }

/**
 * Reads `DAYS HH:MM-HH:MM ZONE`, words apart by spaces. DAYS are `Mon`, a range, or both: `Mon-Thu,Sat`; a range may cross
 * the weekend: `Fri-Mon`. The end is not inside; 24:00 is the end of the day, and hours such as `22:00-06:00` run into the
 * next day. ZONE is a name such as `Europe/Berlin`, whose summer time is followed, or `UTC`, `UTC+2`, `UTC-03:30`.
 */
export function windowOf(text: string): ParsedWindow {
  const [daysText, hoursText, zoneText, ...rest] = text.trim().split(/\s+/)
  if (daysText === undefined || hoursText === undefined || zoneText === undefined) {
    return fault('must be days, hours and zone: Mon-Fri 09:00-17:00 Europe/Berlin')
  }
  if (rest.length > 0) return fault(`must end after its zone, got ${rest.join(' ')}`)
  const days = daysOf(daysText)
  if (days === null) return fault(`must name days such as Mon-Fri or Sat,Sun, got ${daysText}`)
  const hours = hoursOf(hoursText)
  if (hours === null) return fault(`must name hours such as 09:00-17:00, got ${hoursText}`)
  const localOf = zoneOf(zoneText)
  if (localOf === null) {
    return fault(`must name a zone such as Europe/Berlin, UTC or UTC+2, got ${zoneText}`)
  }
  const { from, to } = hours
  const contains = (at: number): boolean => {
    if (!(Math.abs(at) <= MAX_INSTANT_MS)) return false
    const { day, minute } = localOf(at)
    if (from < to) return days.has(day) && minute >= from && minute < to
    return (days.has(day) && minute >= from) || (days.has((day + 6) % 7) && minute < to)
  }
  return { ok: true, window: { text, contains } }
}

function fault(words: string): ParsedWindow {
  return { ok: false, fault: words }
}

/** Days as 0..6 from Sunday; null when one is none. */
function daysOf(text: string): ReadonlySet<number> | null {
  const days = new Set<number>()
  for (const part of text.split(',')) {
    const [first, last, ...rest] = part.split('-').map(dayOf)
    if (first === undefined || first < 0 || rest.length > 0) return null
    if (last !== undefined && last < 0) return null
    const count = last === undefined ? 1 : ((last - first + 7) % 7) + 1
    for (let day = first; day < first + count; day++) days.add(day % 7)
  }
  return days
}

function dayOf(text: string): number {
  return DAYS.findIndex((day) => day.toLowerCase() === text.toLowerCase())
}

/** Minutes of the day; null when they are none, or the same. */
function hoursOf(text: string): { readonly from: number; readonly to: number } | null {
  const found = /^(\d\d):(\d\d)-(\d\d):(\d\d)$/.exec(text)
  if (found === null) return null
  const [fromHour, fromMinute, toHour, toMinute] = found.slice(1).map(Number) as [
    number,
    number,
    number,
    number,
  ]
  const from = fromHour * 60 + fromMinute
  const to = toHour * 60 + toMinute
  if (fromMinute > 59 || toMinute > 59 || from >= DAY_MINUTES || to > DAY_MINUTES) return null
  return from === to ? null : { from, to }
}

interface Local {
  /** 0..6 from Sunday. */
  readonly day: number
  readonly minute: number
}

function zoneOf(text: string): ((at: number) => Local) | null {
  const offset = /^UTC(?:([+-])(\d{1,2})(?::(\d\d))?)?$/i.exec(text)
  if (offset !== null) {
    const [, sign = '+', hours = '0', minutes = '0'] = offset
    const size = Number(hours) * 60 + Number(minutes)
    if (Number(minutes) > 59 || size > 14 * 60) return null
    return (at) => localAt(at + (sign === '-' ? -size : size) * MINUTE_MS)
  }
  const format = formatOf(text)
  if (format === null) return null
  return (at) => {
    const part: Partial<Record<string, string>> = {}
    for (const { type, value } of format.formatToParts(at)) part[type] = value
    return {
      day: dayOf(part.weekday ?? ''),
      minute: Number(part.hour) * 60 + Number(part.minute),
    }
  }
}

/** Day and minute of an instant that was moved to its zone. 1970 began on a Thursday. */
function localAt(ms: number): Local {
  const minutes = Math.floor(ms / MINUTE_MS)
  const days = Math.floor(minutes / DAY_MINUTES)
  return { day: (((days + 4) % 7) + 7) % 7, minute: minutes - days * DAY_MINUTES }
}

/** Null when this runtime knows no such zone. */
function formatOf(timeZone: string): Intl.DateTimeFormat | null {
  // Bare offsets such as +02:00 are taken by newer runtimes only.
  if (!/^[A-Za-z]/.test(timeZone)) return null
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone,
      weekday: 'short',
      hour: '2-digit',
      minute: '2-digit',
      hourCycle: 'h23',
    })
  } catch {
    return null
  }
}
