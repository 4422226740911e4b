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
  it('walks 1, 25, 100 %, survives a broken relay, and is killed', {
    timeout: 90_000,
  }, async () => {
    const { code, stdout, stderr } = await run('--headless', '--json', '--seed', '1')
    const lines = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(lines.at(-1)?.failures).toEqual([])
    expect(stderr).toBe('')
    expect(code).toBe(0)

    expect(lines.every(({ schemaVersion, t }) => schemaVersion === 1 && t >= 0)).toBe(true)
    expect(new Set(lines.map(({ type }) => type))).toEqual(
      new Set(['step', 'fault', 'killed', 'summary']),
    )
    const steps = lines.filter(({ type }) => type === 'step')
    expect(steps.map(({ share }) => share.flag)).toEqual([1, 25, 100])
    const { exposed, callers, ...rest } = lines.at(-1)
    expect(rest).toMatchObject({ type: 'summary', ok: true, detectMs: null, savedUsd: null })
    expect(callers.errorsBeforeFirstByte).toBe(0)
    expect(callers.requests).toBeGreaterThan(500)
    expect(exposed).toBeGreaterThan(50)
  })
})
