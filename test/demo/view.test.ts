import { stripVTControlCharacters } from 'node:util'
import { describe, expect, it } from 'vitest'
import { type DemoSnapshot, lineOf, render } from '../../src/demo/view.ts'

const SNAPSHOT: DemoSnapshot = {
  elapsedMs: 83_400,
  seed: 7,
  share: { flag: 25, target: 25, observed: 24.13 },
  state: 'ramping',
  killed: false,
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
  reasons: { failover: 12, split: 1_574 },
  callers: { requests: 1_586, errorsBeforeFirstByte: 0, cutStreams: 3 },
  dataUrl: 'http://127.0.0.1:8787/v1',
  controlUrl: 'http://127.0.0.1:8788/-/api/v1/rollouts/relay',
  flagFile: '/tmp/headgate-demo-with-a-rather-long-name-Xy12/flags/relay.json',
}

const FRESH: DemoSnapshot = {
  ...SNAPSHOT,
  share: { flag: null, target: null, observed: null },
  arms: {
    control: {
      requests: 0,
      outcomes: {},
      firstByteMs: { p50: null, p95: null, p99: null },
    },
    canary: { requests: 0, outcomes: {}, firstByteMs: { p50: null, p95: null, p99: null } },
  },
  recent: { seconds: 5, control: 0, canary: 0 },
  reasons: {},
  controlUrl: null,
}

const plain = (snapshot: DemoSnapshot, columns: number) =>
  render(snapshot, { columns, color: false })

describe('the terminal page', () => {
  it('shows arms, shares, outcomes, latencies, reasons, URLs and the file to edit, at 80 columns', () => {
    const page = render(SNAPSHOT, { columns: 80, rows: 24, color: false })
    for (const part of [
      'everything here is simulated',
      '01:23',
      'flag 25 %   target 25 %   observed 24.1 %',
      '75 %     1204 in all',
      '25 %      382 in all',
      'ok 370 upstream_error 9 · truncated 3',
      'split 1574 · failover 12',
      '1586 answered, 0 errors, 3 cut',
      'http://127.0.0.1:8787/v1',
      'http://127.0.0.1:8788/-/api/v1/rollouts/relay',
      'flags/relay.json',
      'set "rollout" to "25"',
      'headgate-kill',
      'Ctrl-C ends',
    ]) {
      expect(page).toContain(part)
    }
    expect(page).toMatch(/control +41 +88 +121/)
    expect(page).toMatch(/canary +9\.4 +61 +-/)
  })

  it('fits at 40 columns, with what matters still there', () => {
    const page = plain(SNAPSHOT, 40)
    for (const part of ['simulated', 'flag 25 %', '24.1 %', '9.4 / 61 / -', 'headgate-kill']) {
      expect(page).toContain(part)
    }
  })

  it('is never wider or higher than the screen, in colour or not, at any width', () => {
    for (const snapshot of [SNAPSHOT, FRESH, { ...SNAPSHOT, killed: true }]) {
      for (let columns = 10; columns <= 200; columns += 5) {
        for (const color of [true, false]) {
          const lines = render(snapshot, { columns, rows: 12, color }).split('\n')
          expect(lines.length).toBeLessThanOrEqual(12)
          for (const line of lines) {
            expect(stripVTControlCharacters(line).length).toBeLessThanOrEqual(columns)
          }
        }
      }
    }
  })

  it('has no escape sequence without colour, and says the same with it', () => {
    const page = plain(SNAPSHOT, 80)
    expect(page).not.toContain('\x1b')
    const colored = render(SNAPSHOT, { columns: 80, color: true })
    expect(colored).toContain('\x1b[')
    const bare = stripVTControlCharacters(colored).split('\n')
    expect(bare.map((line) => line.trimEnd())).toEqual(page.split('\n'))
  })

  it('says what is not known yet, and says it when killed', () => {
    const page = plain(FRESH, 80)
    expect(page).toContain('flag ?   target ?   observed ?')
    expect(page).toContain('control off')
    expect(plain({ ...SNAPSHOT, killed: true }, 80)).toContain('KILLED')
  })

  it('is one line where there is no terminal', () => {
    const line = lineOf({ ...SNAPSHOT, killed: true })
    expect(line).not.toContain('\n')
    expect(line).toContain('observed 24.1 % | KILLED | control 1204 canary 382')
  })
})
