import { execFile } from 'node:child_process'
import { describe, expect, it } from 'vitest'

/** Runs the CLI as a person would; resolves whatever the exit code. */
function run(...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) => {
    execFile(process.execPath, ['src/cli/main.ts', 'demo', ...args], (error, stdout, stderr) => {
      resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

describe('the headless demo', () => {
  it('climbs, rolls back by itself, climbs again once rearmed, and is killed', {
    timeout: 120_000,
  }, async () => {
    const { code, stdout, stderr } = await run('--headless', '--json', '--seed', '1')
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.at(-1)?.failures).toEqual([])
    expect(stderr).toBe('')
    expect(code).toBe(0)

    expect(lines.every(({ schemaVersion }) => schemaVersion === 1)).toBe(true)
    const times = lines.map(({ t }) => t)
    expect(times).toEqual(times.toSorted((one, other) => one - other))
    const of = (type: string) => lines.filter((line) => line.type === type)
    const indexOf = (type: string) => lines.findIndex((line) => line.type === type)

    const shares = (epoch: number) =>
      of('step')
        .filter((line) => line.epoch === epoch)
        .map(({ share }) => share.target)
    const first = shares(1)
    expect(first.length).toBeGreaterThanOrEqual(3)
    expect(first).toEqual([5, 10, 25, 50, 99].slice(0, first.length))
    expect(shares(2)).toEqual([5, 10, 25, 50, 99])
    for (const { t, share, units, requests, left } of of('step')) {
      expect(share.flag).toBe(100)
      expect(requests).toBeGreaterThanOrEqual(units.drawn)
      if (units.drawn > 0) {
        expect(share.observed).toBeCloseTo((units.canary / units.drawn) * 100, 1)
      }
      // A step that was due may still begin between the fault and its discovery, and be over before it was seen.
      const whileBroken = t > of('fault')[0].t && t < of('fault')[1].t
      if (left !== null && !whileBroken)
        expect(left).toMatchObject({ type: 'advanced', by: 'gate' })
      if (!whileBroken) expect(units.drawn).toBeGreaterThan(0)
    }

    const [broken, healed] = of('fault')
    expect(broken).toMatchObject({ upstream: 'relay', fault: 'status 503', injectedBy: 'demo' })
    expect(broken.t).toBeGreaterThanOrEqual(20_000)
    expect(healed.fault).toBeNull()
    const [rolledBack] = of('rolled_back')
    expect(['guard', 'tripwire', 'probes']).toContain(rolledBack.by)
    expect(rolledBack).toMatchObject({ epoch: 1, reason: expect.stringMatching(/\w/) })
    expect(of('rolled_back')).toHaveLength(1)
    expect(of('rearmed')).toMatchObject([{ epoch: 2, by: expect.stringContaining('demo') }])
    const order = ['fault', 'rolled_back', 'rearmed', 'killed', 'summary'].map(indexOf)
    expect(order).toEqual(order.toSorted((one, other) => one - other))
    expect(of('killed')[0].requests).toBeGreaterThan(0)

    const { exposed, callers, detectMs, savedUsd, ...rest } = lines.at(-1)
    expect(rest).toMatchObject({ type: 'summary', ok: true })
    expect(savedUsd).toBeGreaterThan(0)
    expect(callers.errorsBeforeFirstByte).toBe(0)
    expect(callers.requests).toBeGreaterThan(1_500)
    expect(exposed).toBeGreaterThan(2)
    expect(detectMs).toBeGreaterThan(0)
    expect(detectMs).toBeLessThanOrEqual(rolledBack.detectMs)
    const types = new Set(lines.map(({ type }) => type))
    expect([...types].filter((type) => type !== 'suspended')).toEqual([
      'step',
      'fault',
      'rolled_back',
      'rearmed',
      'killed',
      'summary',
    ])
  })
})
