import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type DemoSnapshot, lineOf, type Moment, render } from '../../src/demo/view.ts'

const STARTED: Moment = {
  day: 0,
  kind: 'plain',
  words: 'started 0 → 5 % by robin: let it show that it is no worse',
}
const CLIMBED: Moment = {
  day: 1.3,
  kind: 'good',
  words: 'advanced 5 → 10 % by gate: the gate passed',
}

const CLIMBING: DemoSnapshot = {
  elapsedMs: 13_900,
  seed: 7,
  day: 3.24,
  state: 'ramping',
  epoch: 1,
  step: 2,
  plan: [5, 10, 25, 50, 99],
  planNote: 'its own plan: gate no_harm',
  killed: false,
  fault: null,
  detectMs: null,
  share: { flag: 100, target: 25, observed: 24.13 },
  verdict: { value: 'inconclusive', words: 'requests: about 12 more canary requests' },
  need: { canaryRequests: 12, days: 0.42 },
  waits: ['0.2 of 1.3 d served at this step', 'requests: about 12 more canary requests'],
  probes: null,
  arms: {
    control: {
      requests: 1_204,
      outcomes: { ok: 1_204 },
      firstByteMs: { p50: 41.2, p95: 88, p99: 120.6 },
    },
    canary: {
      requests: 382,
      outcomes: { ok: 370, upstream_error: 9, truncated: 3 },
      firstByteMs: { p50: 9.4, p95: 61, p99: null },
    },
  },
  recent: { seconds: 5, control: 150, canary: 50 },
  moments: [STARTED, CLIMBED],
  callers: { requests: 1_586, errorsBeforeFirstByte: 0, cutStreams: 3 },
  dataUrl: 'http://127.0.0.1:8787/v1',
  pageUrl: 'http://127.0.0.1:8788/-/#token=c2VjcmV0c2VjcmV0c2VjcmV0',
  flagFile: '/tmp/headgate-demo-Xy12Zq/flags/relay.json',
}

const FRESH: DemoSnapshot = {
  ...CLIMBING,
  state: 'starting',
  step: null,
  plan: [],
  share: { flag: null, target: null, observed: null },
  need: { canaryRequests: null, days: null },
  waits: [],
  arms: {
    control: {
      requests: 0,
      outcomes: {},
      firstByteMs: { p50: null, p95: null, p99: null },
    },
    canary: { requests: 0, outcomes: {}, firstByteMs: { p50: null, p95: null, p99: null } },
  },
  recent: { seconds: 5, control: 0, canary: 0 },
  moments: [],
}

const CAUSE =
  'suspended 50 → 0 % by tripwire: failures: 13 canary requests in a row failed; control answered all 10 of its own meanwhile'

const BROKEN: DemoSnapshot = {
  ...CLIMBING,
  state: 'suspended',
  step: null,
  fault: 'status 503',
  detectMs: 619,
  share: { flag: 100, target: 0, observed: 31 },
  need: { canaryRequests: null, days: null },
  waits: [],
  probes: { answered: 2, failed: 2, wanted: 20 },
  moments: [
    ...Array.from({ length: 20 }, () => CLIMBED),
    { day: 4.7, kind: 'demo', words: 'fault injected by demo: the relay answers status 503' },
    { day: 4.86, kind: 'bad', words: CAUSE },
  ],
}

const plain = (snapshot: DemoSnapshot, columns = 80, rows = 24) =>
  render(snapshot, { columns, rows, color: false })

describe('the terminal page', () => {
  it('shows state, ladder, share, verdict, need, day, timeline and URLs, at 80 × 24', () => {
    const page = plain(CLIMBING)
    for (const part of [
      'everything here is simulated',
      'seed 7  00:13',
      'day 3.2 of 14   its own plan: gate no_harm',
      'ramping, epoch 1',
      '5 % ─ 10 % ─ [25 %] ─ 50 % ─ 99 %',
      'target 25 %   observed 24.1 % in 5 s   flag 100 %',
      '75 %    1204 answered',
      '25 %     382 answered',
      'ok 370 upstream_error 9 · truncated 3',
      'p50 41 and 9.4, p95 88 and 61',
      'inconclusive: requests: about 12 more canary requests',
      '12 more canary requests, about 0.4 days',
      '1586 answered, 0 errors, 3 cut',
      'day  0.0  started 0 → 5 % by robin: let it show that it is no worse',
      'day  1.3  advanced 5 → 10 % by gate: the gate passed',
      'http://127.0.0.1:8787/v1',
      'http://127.0.0.1:8788/-/#token=c2VjcmV0c2VjcmV0c2VjcmV0',
      '/flags/relay.json',
      'Ctrl-C ends',
    ]) {
      expect(page).toContain(part)
    }
  })

  it('says that the demo broke it, why it was closed, after how long, and what the probes say', () => {
    const page = plain(BROKEN)
    expect(page).toContain('FAULT INJECTED BY DEMO: the relay answers status 503')
    expect(plain(CLIMBING)).not.toContain('FAULT')
    expect(page).toContain('suspended, epoch 1, 0.6 s after the fault, 2 of 2 probes failed')
    expect(page).toContain('day  4.7  fault injected by demo: the relay answers status 503')
    const reason = page
      .slice(page.indexOf('suspended 50 → 0 %'), page.indexOf('\n\ndata'))
      .replace(/\s+/g, ' ')
    expect(reason).toBe(CAUSE)
    expect(page).toContain('need     its probes: clean ones resume it, failed ones roll it back')
  })

  it('leaves out the oldest of the timeline, and never the newest or the URLs', () => {
    const lines = plain(BROKEN).split('\n')
    expect(lines).toHaveLength(24)
    expect(lines.at(-1)).toContain('flags/relay.json')
    expect(lines.at(-5)).toContain('meanwhile')
  })

  it('shows what it waits for when no requests are missing', () => {
    const waiting = { ...CLIMBING, need: { canaryRequests: null, days: null } }
    expect(plain({ ...waiting, waits: ['0.2 of 1.3 d served at this step'] })).toContain(
      'need     0.2 of 1.3 d served at this step',
    )
    expect(plain({ ...waiting, waits: [] })).toContain('need     nothing more')
    expect(plain({ ...waiting, state: 'rolled_back' })).toContain('a person to rearm it')
  })

  it('fits at 40 columns, with what matters still there', () => {
    const page = plain(CLIMBING, 40)
    for (const part of ['simulated', 'day 3.2', 'ramping', '[25 %]', 'target 25 %', '24.1 %']) {
      expect(page).toContain(part)
    }
    expect(page).toContain('12 more canary requests, about 0.4 days')
    expect(page).toContain('started 0 → 5 % by robin: let\n          it show that it is no worse')
  })

  it('is never wider or higher than the screen, in colour or not, at any width', () => {
    for (const snapshot of [CLIMBING, FRESH, BROKEN, { ...CLIMBING, killed: true }]) {
      for (let columns = 10; columns <= 200; columns += 5) {
        for (const rows of [12, 24]) {
          for (const color of [true, false]) {
            const lines = render(snapshot, { columns, rows, color }).split('\n')
            expect(lines.length).toBeLessThanOrEqual(rows)
            for (const line of lines) {
              expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(columns)
            }
          }
        }
      }
    }
  })

  it('has no escape sequence without colour, and says the same with it', () => {
    const page = plain(BROKEN)
    expect(page).not.toContain('\x1b')
    const colored = render(BROKEN, { columns: 80, rows: 24, color: true })
    expect(colored).toContain('\x1b[')
    const bare = stripVTControlCharacters(colored).split('\n')
    expect(bare.map((line) => line.trimEnd())).toEqual(page.split('\n'))
  })

  it('says what is not known yet, and says it when killed', () => {
    const page = plain(FRESH)
    expect(page).toContain('target ?   observed ? in 5 s   flag ?')
    expect(plain({ ...CLIMBING, killed: true })).toContain('KILLED by the flag, ramping')
  })

  it('is one line where there is no terminal', () => {
    const line = lineOf({ ...CLIMBING, killed: true })
    expect(line).not.toContain('\n')
    expect(line).toContain('day 3.2 of 14: KILLED by the flag, ramping')
    expect(line).toContain('observed 24.1 % flag 100 % | the kill flag turned off')
    expect(lineOf(CLIMBING)).toContain('flag 100 % | 12 more canary requests')
    expect(line).toContain('control 1204 canary 382')
  })
})
