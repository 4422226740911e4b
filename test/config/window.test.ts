import { describe, expect, it } from 'vitest'
import { type Window, windowOf } from '../../src/config/window.ts'

function read(text: string): Window {
  const parsed = windowOf(text)
  if (!parsed.ok) throw new Error(parsed.fault)
  return parsed.window
}

/** Minutes of one UTC week from Monday 2027-01-04 that are inside, as `day hh:mm-hh:mm`. */
function weekOf(text: string, from = '2027-01-04T00:00:00Z'): string[] {
  const window = read(text)
  const start = Date.parse(from)
  const found: string[] = []
  let open: string | null = null
  const nameOf = (at: number): string =>
    `${new Date(at).toUTCString().slice(0, 3)} ${new Date(at).toISOString().slice(11, 16)}`
  for (let minute = 0; minute <= 7 * 1_440; minute++) {
    const at = start + minute * 60_000
    const inside = minute < 7 * 1_440 && window.contains(at)
    if (inside && open === null) open = nameOf(at)
    if (!inside && open !== null) {
      found.push(`${open} to ${nameOf(at)}`)
      open = null
    }
  }
  return found
}

describe('a window', () => {
  it('is open on its days, from its start up to and not at its end', () => {
    expect(weekOf('Mon-Wed,Fri 09:00-17:30 UTC')).toEqual([
      'Mon 09:00 to Mon 17:30',
      'Tue 09:00 to Tue 17:30',
      'Wed 09:00 to Wed 17:30',
      'Fri 09:00 to Fri 17:30',
    ])
    const { contains } = read('Mon 09:00-17:00 UTC')
    expect(contains(Date.parse('2027-01-04T08:59:59.999Z'))).toBe(false)
    expect(contains(Date.parse('2027-01-04T09:00:00.000Z'))).toBe(true)
    expect(contains(Date.parse('2027-01-04T16:59:59.999Z'))).toBe(true)
    expect(contains(Date.parse('2027-01-04T17:00:00.000Z'))).toBe(false)
  })

  it('may cross the weekend, and midnight into the next day', () => {
    expect(weekOf('Sat-Sun 10:00-11:00 UTC')).toEqual([
      'Sat 10:00 to Sat 11:00',
      'Sun 10:00 to Sun 11:00',
    ])
    expect(weekOf('Sun-Mon 22:00-06:00 UTC')).toEqual([
      'Mon 00:00 to Mon 06:00',
      'Mon 22:00 to Tue 06:00',
      'Sun 22:00 to Mon 00:00',
    ])
    expect(weekOf('Tue 00:00-24:00 UTC')).toEqual(['Tue 00:00 to Wed 00:00'])
  })

  it('counts from the zone’s midnight, also by offset', () => {
    expect(weekOf('Mon 00:00-02:00 UTC+2')).toEqual(['Sun 22:00 to Mon 00:00'])
    expect(weekOf('Mon 00:00-02:00 UTC-03:30')).toEqual(['Mon 03:30 to Mon 05:30'])
    expect(weekOf('Mon 09:00-17:00 Asia/Kolkata')).toEqual(['Mon 03:30 to Mon 11:30'])
    expect(weekOf('Mon-Fri 09:00-17:00 Europe/Berlin')[0]).toBe('Mon 08:00 to Mon 16:00')
  })

  it('follows summer time where the zone has it', () => {
    // Berlin is UTC+1 in winter and UTC+2 from 28 March 2027 on.
    const days = 'Mon-Sun 09:00-10:00 Europe/Berlin'
    expect(weekOf(days, '2027-03-26T00:00:00Z').slice(1, 3)).toEqual([
      'Sat 08:00 to Sat 09:00',
      'Sun 07:00 to Sun 08:00',
    ])
    // The hour that a night in autumn has twice is inside twice.
    expect(weekOf('Sun 02:00-03:00 Europe/Berlin', '2027-10-30T00:00:00Z')).toEqual([
      'Sun 00:00 to Sun 02:00',
    ])
  })

  it('agrees with Intl for instants before 1970 too', () => {
    const at = Date.parse('1969-12-29T12:00:00Z')
    expect(read('Mon 12:00-12:01 UTC').contains(at)).toBe(true)
    expect(read('Mon 12:00-12:01 Etc/UTC').contains(at)).toBe(true)
    expect(read('Tue 12:00-12:01 UTC').contains(at)).toBe(false)
  })

  it('contains no instant that is none', () => {
    for (const at of [Number.NaN, Number.POSITIVE_INFINITY, -1e16, 8.65e15]) {
      expect(read('Mon-Sun 00:00-24:00 UTC').contains(at)).toBe(false)
      expect(read('Mon-Sun 00:00-24:00 Europe/Berlin').contains(at)).toBe(false)
    }
  })

  it('takes days in any case, and keeps what was written', () => {
    expect(read('MON-fri 09:00-17:00 utc').text).toBe('MON-fri 09:00-17:00 utc')
  })

  it.each([
    ['', 'days, hours and zone'],
    ['Mon-Fri', 'days, hours and zone'],
    ['Mon-Fri 09:00-17:00', 'days, hours and zone'],
    ['Mon-Fri 09:00-17:00 UTC or so', 'got or so'],
    ['weekdays 09:00-17:00 UTC', 'got weekdays'],
    ['Mon-Tue-Wed 09:00-17:00 UTC', 'got Mon-Tue-Wed'],
    ['Mon, 09:00-17:00 UTC', 'got Mon,'],
    ['Mon- 09:00-17:00 UTC', 'got Mon-'],
    ['Mon-Fri 9:00-17:00 UTC', 'got 9:00-17:00'],
    ['Mon-Fri 09:00-25:00 UTC', 'got 09:00-25:00'],
    ['Mon-Fri 09:60-17:00 UTC', 'got 09:60-17:00'],
    ['Mon-Fri 24:00-06:00 UTC', 'got 24:00-06:00'],
    ['Mon-Fri 09:00-24:01 UTC', 'got 09:00-24:01'],
    ['Mon-Fri 09:00-09:00 UTC', 'got 09:00-09:00'],
    ['Mon-Fri 09:00-17:00 Europe/Berln', 'got Europe/Berln'],
    ['Mon-Fri 09:00-17:00 +02:00', 'got +02:00'],
    ['Mon-Fri 09:00-17:00 UTC+15', 'got UTC+15'],
    ['Mon-Fri 09:00-17:00 UTC+2:70', 'got UTC+2:70'],
  ])('is not %j', (text, fault) => {
    const parsed = windowOf(text)
    expect(parsed.ok).toBe(false)
    if (!parsed.ok) expect(parsed.fault).toContain(fault)
  })
})
