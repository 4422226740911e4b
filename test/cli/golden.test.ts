import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, onTestFinished, test } from 'vitest'
import { type ArmOptions, noiseOf, startArm, taskText } from '../fakes/models.ts'
import { startScripted } from '../fakes/scripted-upstream.ts'
import { ask, begin, documentsOf } from './ask.ts'
import { folderWith } from './run.ts'

const KEYS = { OFFICIAL_KEY: 'sk-official-0123456789', RELAY_KEY: 'sk-relay-0123456789' }

function promptLines(count: number): string {
  return Array.from({ length: count }, (_, at) =>
    JSON.stringify({ id: `p${at}`, prompt: `Do it. ${taskText(`p${at}`)}`, params: { seed: at } }),
  ).join('\n')
}

const SENTENCES = [
  'Restart the worker and watch the queue for ten minutes.',
  'The index was rebuilt overnight without an error.',
  'Two tests fail on the main branch since the last merge.',
  'The contract ends with the quarter unless it is renewed.',
]

/** A text of some sentences with a number in it, by task. */
function textOf(task: string, number = 7): string {
  const at = Math.floor(((noiseOf(task) + 1) / 2) * 3.999)
  return `${SENTENCES[at]} It took ${number} tries for ${taskText(task)} ${SENTENCES[(at + 1) % 4]}`
}

async function worldOf(
  relay: Partial<ArmOptions> = {},
  official: Partial<ArmOptions> = {},
  prompts = 20,
) {
  const same = { merit: () => 7, text: (task: string) => textOf(task) }
  const arms = await Promise.all([
    startArm({ name: 'one', ...same, ...official }),
    startArm({ name: 'two', ...same, ...relay }),
  ])
  onTestFinished(async () => void (await Promise.all(arms.map((one) => one.close()))))
  const [control, canary] = arms
  const cwd = folderWith({
    'prompts.jsonl': promptLines(prompts),
    'headgate.yaml': `
version: 1
upstreams:
  official: { baseUrl: "${control.baseUrl}", auth: { bearer: { env: OFFICIAL_KEY } }, price: { ratio: 1 } }
  relay: { baseUrl: "${canary.baseUrl}", auth: { bearer: { env: RELAY_KEY } }, models: { "gpt-5.2": "cheap-5.2" }, price: { ratio: 0.15 } }
flags: { file: flags.json }
rollouts:
  relay: { match: { paths: ["/v1/chat/completions"] }, control: official, canary: relay, flag: f, kill: k }
`,
  })
  return { cwd, control, canary, files: (name: string) => readFileSync(join(cwd, name), 'utf8') }
}

const RECORD = [
  'golden',
  'record',
  'relay',
  '--prompts',
  'prompts.jsonl',
  '--out',
  'golden/relay.jsonl',
]
const RUN = ['golden', 'run', 'golden/relay.jsonl']

describe('golden record', () => {
  test('asks control alone, and keeps requests and answers in plain lines', async () => {
    const { cwd, control, canary, files } = await worldOf()
    const { code, stdout } = await ask(RECORD, { cwd, env: KEYS })
    expect([code, stdout]).toEqual([0, 'recorded  20 of 20 cases in golden/relay.jsonl\n'])
    expect([control.requests.length, canary.requests.length]).toEqual([40, 0])
    const [header, ...cases] = files('golden/relay.jsonl')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(header).toMatchObject({
      headgate: 'golden',
      version: 1,
      rollout: 'relay',
      recordedFrom: 'official:gpt-5.2',
    })
    expect(header.ids.length).toBe(20)
    const one = cases.find(({ id }) => id === 'p3')
    expect(one.request).toEqual({
      seed: 3,
      model: 'gpt-5.2',
      messages: [{ role: 'user', content: 'Do it. task=p3;' }],
    })
    expect(one.answers.length).toBe(2)
  })

  test('holds no key, not even where an answer quotes one', async () => {
    const leaks = {
      text: () => `The key is ${KEYS.OFFICIAL_KEY}, in base64 ${btoa(KEYS.OFFICIAL_KEY)}.`,
    }
    const { cwd, files } = await worldOf({}, leaks, 10)
    expect((await ask(RECORD, { cwd, env: KEYS })).code).toBe(0)
    expect(files('golden/relay.jsonl')).toContain('The key is [redacted], in base64 [redacted]')
    expect(files('golden/relay.jsonl')).not.toMatch(/sk-official|c2stb2ZmaWNpYWw/)
  })

  test('what could not be recorded is missing; the same command asks for it again, and for nothing else', async () => {
    let down = true
    const { cwd, control } = await worldOf(
      {},
      { fails: (task) => (down && /p[0-3]$/.test(task) ? 500 : null) },
      12,
    )
    const first = await ask(RECORD, { cwd, env: KEYS })
    expect(first.code).toBe(1)
    expect(first.stdout).toContain('missing   p3: upstream_error')
    const run = await ask([...RUN, '--require-verdict'], { cwd, env: KEYS })
    expect(run.code).toBe(8)
    expect(run.stdout).toMatch(
      /^inconclusive {2}4 of 12 cases are missing, and missing is not a pass/,
    )
    down = false
    const before = control.requests.length
    expect((await ask(RECORD, { cwd, env: KEYS })).code).toBe(0)
    expect(control.requests.length - before).toBe(8)
    expect((await ask([...RUN, '--require-verdict'], { cwd, env: KEYS })).code).toBe(0)
  })

  test('killed with -9 it loses nothing and doubles nothing', async () => {
    const { cwd, control, files } = await worldOf({}, { slowMs: 15 }, 30)
    const main = join(import.meta.dirname, '../../src/cli/main.ts')
    for (const lines of [4, 14]) {
      const child = spawn(process.execPath, [main, ...RECORD], {
        cwd,
        env: { PATH: process.env['PATH'], ...KEYS },
      })
      const ended = once(child, 'exit')
      const file = 'golden/relay.jsonl'
      while (!existsSync(join(cwd, file)) || files(file).split('\n').length < lines) {
        await new Promise((resolve) => setTimeout(resolve, 5))
      }
      child.kill('SIGKILL')
      await ended
    }
    expect((await ask(RECORD, { cwd, env: KEYS })).code).toBe(0)
    const ids = files('golden/relay.jsonl')
      .trimEnd()
      .split('\n')
      .slice(1)
      .map((line) => JSON.parse(line).id)
    expect(ids.length).toBe(30)
    expect(new Set(ids).size).toBe(30)
    // Four cases of two answers each were under way at each kill.
    expect(control.requests.length).toBeLessThanOrEqual(60 + 2 * 4 * 2)
  }, 60_000)
})

describe('golden run', () => {
  const recorded = async (...world: Parameters<typeof worldOf>) => {
    const found = await worldOf(...world)
    expect((await ask(RECORD, { cwd: found.cwd, env: KEYS })).code).toBe(0)
    return found
  }

  test('a relay that answers as control did passes', async () => {
    const { cwd, canary } = await recorded()
    const { code, stdout } = await ask(RUN, { cwd, env: KEYS })
    expect(code).toBe(0)
    expect(stdout).toMatch(/^pass {2}canary: 100 % of 20 comparable cases fit/)
    expect(canary.requests.length).toBe(20)
    expect(JSON.parse(String(canary.requests[0]?.body)).model).toBe('cheap-5.2')
  })

  test('a relay with other numbers is found, case by case, in every report', async () => {
    const other = (task: string) => textOf(task, /p[0-4]$/.test(task) ? 9 : 7)
    const { cwd, files } = await recorded({ text: other })
    const args = [...RUN, '--arm', 'both', '--markdown', 'r.md', '--junit', 'r.xml']
    const { code, stdout } = await ask(args, { cwd, env: KEYS })
    expect(stdout).toMatch(/^inconclusive|^fail/)
    expect(stdout).toContain('canary: 75 % of 20 comparable cases fit, 5 differ')
    // Five against none is a fair coin in one of 32: with control beside, that is not held against it.
    expect([
      code,
      stdout.includes('it may be noise: 5 cases differ on the canary alone, 0 on control alone'),
    ]).toEqual([0, true])
    expect(files('r.md')).toContain('| p0 | canary | different |')
    expect(files('r.xml')).toContain('failures="5"')
    expect(files('r.md')).not.toContain('Restart the worker')
    const alone = await ask(RUN, { cwd, env: KEYS })
    expect(alone.code).toBe(1)
    expect(alone.stdout).toMatch(
      /^fail {2}canary: 75 % of 20 comparable cases fit, 5 differ, 0 got no good answer; at least 95 % must/,
    )
  })

  test('a relay that differs everywhere fails with control beside it too', async () => {
    const { cwd } = await recorded({ text: (task) => textOf(task, 9) })
    const { code, stdout } = await ask([...RUN, '--arm', 'both', '--json'], { cwd, env: KEYS })
    expect(code).toBe(1)
    expect(documentsOf(stdout)[0]).toMatchObject({
      schemaVersion: 1,
      ok: false,
      verdict: 'fail',
      arms: { control: { fitPercent: 100 }, canary: { fitPercent: 0, counts: { different: 20 } } },
    })
  })

  test('where control does not repeat itself a difference tells nothing', async () => {
    const asked = new Map<string, number>()
    const moody = (task: string) => {
      const count = (asked.get(task) ?? 0) + 1
      asked.set(task, count)
      return textOf(task, /p\d$/.test(task) ? count * 11 : 7)
    }
    const { cwd } = await recorded({ text: (task) => textOf(task, 5) }, { text: moody })
    const { code, stdout } = await ask([...RUN, '--json'], { cwd, env: KEYS })
    const { arms } = documentsOf(stdout)[0] as {
      arms: { canary: { counts: Record<string, number> } }
    }
    expect(arms.canary.counts).toMatchObject({ unstable: 10, different: 10 })
    expect(code).toBe(1)
  })

  test('where control has moved since, it is said, and not held against the canary', async () => {
    let number = 7
    const { cwd } = await recorded(
      { text: (task) => textOf(task, 9) },
      { text: (task) => textOf(task, number) },
    )
    number = 8
    const { code, stdout } = await ask([...RUN, '--arm', 'both', '--require-verdict'], {
      cwd,
      env: KEYS,
    })
    expect(code).toBe(8)
    expect(stdout).toContain('nothing was compared, which is no pass')
    expect(stdout).toMatch(/moved +0 +20/)
  })

  test('an arm that is away fails; what fails on both is missing', async () => {
    const down = { fails: () => 503 }
    const { cwd } = await recorded(down)
    const { code, stdout } = await ask(RUN, { cwd, env: KEYS })
    expect(code).toBe(1)
    expect(stdout).toContain(
      'canary: 0 % of 20 comparable cases fit, 0 differ, 20 got no good answer',
    )
  })

  test('an unfinished run goes on where it was, a finished one is asked anew', async () => {
    const { cwd, canary } = await recorded({ slowMs: 20 })
    const asked = begin([...RUN, '--concurrency', '2'], { cwd, env: KEYS })
    await asked.stderr.said('answers 6 of 20')
    asked.interrupt()
    expect(await asked.code).toBe(130)
    const before = canary.requests.length
    expect(before).toBeLessThan(20)
    expect((await ask(RUN, { cwd, env: KEYS })).code).toBe(0)
    expect(canary.requests.length).toBeLessThanOrEqual(22)
    const after = canary.requests.length
    expect((await ask(RUN, { cwd, env: KEYS })).code).toBe(0)
    expect(canary.requests.length).toBe(after + 20)
  })

  test.each([
    ['no file', 'gone.jsonl', 'set gone.jsonl cannot be read'],
    ['another file', 'prompts.jsonl', 'prompts.jsonl:1: headgate'],
    [
      'a newer set',
      'newer.jsonl',
      'newer.jsonl:1: version must be 1: a newer Headgate wrote this set',
    ],
    ['a broken case', 'broken.jsonl', 'broken.jsonl:2: '],
  ])('%s is refused with its place', async (_, file, words) => {
    const { cwd, canary } = await worldOf()
    const header = {
      headgate: 'golden',
      version: 1,
      plan: 'x',
      rollout: 'relay',
      recordedFrom: 'o:m',
      ids: ['p'],
    }
    writeFileSync(join(cwd, 'newer.jsonl'), JSON.stringify({ ...header, version: 2 }))
    writeFileSync(
      join(cwd, 'broken.jsonl'),
      `${JSON.stringify(header)}\n{"type":"case","id":"p"}\n`,
    )
    const { code, stderr } = await ask(['golden', 'run', file], { cwd, env: KEYS })
    expect([code, stderr]).toEqual([2, expect.stringContaining(words)])
    expect(canary.requests.length).toBe(0)
  })
})

describe('golden record --traffic', () => {
  const chat = (content: string) =>
    JSON.stringify({
      model: 'gpt-5.2',
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'user', content }],
    })

  /** A control plane with these pairs, three a page. */
  async function controlOf(pairs: { id: string; endpoint: string; question: string | null }[]) {
    const control = await startScripted(({ target }, response) => {
      const url = new URL(target, 'http://control')
      const [, id] = /^\/-\/api\/v1\/pairs\/(.+)$/.exec(url.pathname) ?? []
      const after = Number(url.searchParams.get('after') ?? 0)
      const page = pairs.slice(after, after + 3).map((one) => ({ ...one, question: null }))
      const next = after + 3 < pairs.length ? String(after + 3) : null
      const one = pairs.find((pair) => pair.id === id)
      const body = id === undefined ? { items: page, next } : one
      response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(body ?? { error: { code: 'not_found', message: 'gone' } }))
    })
    onTestFinished(() => control.close())
    return {
      control,
      env: { ...KEYS, HEADGATE_URL: control.url, HEADGATE_TOKEN: 'token-0123456789' },
    }
  }

  const PAIRS = [
    ...Array.from({ length: 8 }, (_, at) => ({
      id: `pair-${at}`,
      endpoint: 'chat',
      question: chat(`Do it. ${taskText(`t${at % 6}`)}`),
    })),
    { id: 'bare', endpoint: 'chat', question: null },
    { id: 'cut', endpoint: 'chat', question: '{"model":"gpt-5.2","messa' },
    { id: 'vector', endpoint: 'embeddings', question: '{"model":"e","input":"x"}' },
  ]
  const TRAFFIC = [
    'golden',
    'record',
    'relay',
    '--traffic',
    '--out',
    'golden/t.jsonl',
    '--times',
    '1',
  ]

  test('distinct questions of real callers are asked of control, whole and not streamed', async () => {
    const { cwd, control, canary, files } = await worldOf()
    const { env } = await controlOf(PAIRS)
    const { code, stdout, stderr } = await ask(TRAFFIC, { cwd, env })
    expect([code, stderr.includes('error'), stdout]).toEqual([
      0,
      false,
      'recorded  6 of 6 cases in golden/t.jsonl\n',
    ])
    expect([control.requests.length, canary.requests.length]).toEqual([6, 0])
    const sent = control.requests.map(({ body }) => JSON.parse(String(body)))
    expect(sent.some((body) => 'stream' in body || 'stream_options' in body)).toBe(false)
    expect(files('golden/t.jsonl')).toContain('"recordedFrom":"official"')
    const run = await ask(['golden', 'run', 'golden/t.jsonl', '--require-verdict'], {
      cwd,
      env: KEYS,
    })
    expect(run.code).toBe(0)
  })

  test('it goes on with what it drew; what is kept no longer is missing', async () => {
    let down = true
    const { cwd } = await worldOf(
      {},
      { fails: (task) => (down && /t[0-3]$/.test(task) ? 500 : null) },
    )
    const pairs = [...PAIRS]
    const { env } = await controlOf(pairs)
    const args = [...TRAFFIC, '--limit', '5']
    const first = await ask([...args, '--json'], { cwd, env })
    const { failed } = documentsOf(first.stdout)[0] as { failed: { id: string }[] }
    expect([first.code, failed.length >= 3]).toEqual([1, true])
    down = false
    const gone = failed[0]?.id
    pairs.splice(
      pairs.findIndex(({ id }) => id === gone),
      1,
    )
    const second = await ask([...args, '--json'], { cwd, env })
    expect(second.code).toBe(1)
    expect(documentsOf(second.stdout)[0]).toMatchObject({
      cases: 5,
      recorded: 4,
      failed: [{ id: gone, outcome: 'its question is kept no longer' }],
    })
    const run = await ask(['golden', 'run', 'golden/t.jsonl', '--require-verdict'], {
      cwd,
      env: KEYS,
    })
    expect([run.code, run.stdout.includes('1 of 5 cases are missing')]).toEqual([8, true])
  })

  test('without captured content it says so, and asks nothing', async () => {
    const { cwd, control } = await worldOf()
    const { env } = await controlOf(PAIRS.map((one) => ({ ...one, question: null })))
    const { code, stderr } = await ask(TRAFFIC, { cwd, env })
    expect([code, control.requests.length]).toEqual([1, 0])
    expect(stderr).toContain('11 pairs of relay, and none has its question')
  })
})
