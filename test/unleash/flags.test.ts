import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { describe, expect, inject, it } from 'vitest'
import { type FlagDocument, parseDocument } from '../../src/flag/document.ts'
import { ruleOf } from '../../src/flag/evaluate.ts'
import { askFeatures } from '../../src/unleash/features.ts'
import { pulledText } from '../../src/unleash/pulled.ts'
import { ask, documentsOf } from '../cli/ask.ts'
import { folderWith } from '../cli/run.ts'
import { realClock } from './clock.ts'
import { adminOf, done, gradual } from './flags.ts'

/** `headgate flags`, from the command line to a real server and back. */

type Loose = Readonly<Record<string, unknown>>

const FILE = 'flags/relay.json'

function place(name: string, document?: FlagDocument, unleash: Loose = {}) {
  const { url, admin, tokens } = inject('unleash')
  const config = {
    version: 1,
    upstreams: {
      official: { baseUrl: 'https://a.example/v1' },
      relay: { baseUrl: 'https://b.example/v1' },
    },
    flags: {
      unleash: {
        url,
        token: { env: 'BACKEND' },
        bootstrap: FILE,
        writeBack: { token: { env: 'ADMIN' } },
        ...unleash,
      },
    },
    rollouts: {
      relay: {
        match: { paths: ['/v1/chat/completions'] },
        control: 'official',
        canary: 'relay',
        flag: name,
        kill: `${name}-kill`,
        plan: { steps: ['1%', '50%'], over: '1d' },
      },
    },
  }
  const files: Record<string, string> = { 'headgate.yaml': JSON.stringify(config) }
  if (document !== undefined) files[FILE] = JSON.stringify(document)
  const cwd = folderWith(files)
  const env = { BACKEND: tokens.development, ADMIN: admin }
  const file = join(cwd, FILE)
  return {
    cwd,
    file,
    text: () => readFileSync(file, 'utf8'),
    flags: (...args: string[]) => ask(['flags', ...args], { cwd, env }),
  }
}

function documentWith(features: readonly Loose[], segments: readonly Loose[] = []): FlagDocument {
  const parsed = parseDocument(JSON.stringify({ version: 2, features, segments }))
  if (!parsed.ok) throw new Error(parsed.faults.join())
  return parsed.document
}

/** With everything that the Admin API carries. */
function rich(name: string): FlagDocument {
  const constraint = {
    contextName: 'model',
    operator: 'IN',
    values: ['gpt-5.2'],
    inverted: false,
    caseInsensitive: false,
  }
  const variant = { name: 'canary', weight: 1_000, weightType: 'variable', stickiness: 'default' }
  return documentWith(
    [
      {
        name,
        type: 'release',
        enabled: true,
        strategies: [
          gradual(5, name),
          gradual(100, name, { constraints: [constraint], segments: [1] }),
          gradual(50, name, { variants: [variant] }),
        ],
        dependencies: [{ feature: `${name}-parent`, enabled: true }],
      },
      {
        name: `${name}-parent`,
        type: 'operational',
        enabled: true,
        strategies: [{ name: 'default', parameters: {}, constraints: [] }],
      },
      {
        name: `${name}-kill`,
        type: 'kill-switch',
        enabled: false,
        strategies: [{ name: 'default', parameters: {}, constraints: [] }],
      },
    ],
    [{ id: 1, name: `${name}-acme`, constraints: [{ ...constraint, contextName: 'tenantId' }] }],
  )
}

/** The client API's own document; asked until the server's cache has this flag, or its change. */
async function served(has: (document: FlagDocument) => boolean): Promise<FlagDocument> {
  const { url, tokens } = inject('unleash')
  const token = { reveal: () => tokens.development }
  const server = { url, token, appName: 'test', instanceId: 'test', intervalMs: 0 }
  for (;;) {
    const answer = await askFeatures(server, null, { fetch, clock: realClock })
    if (answer.kind === 'document' && has(answer.document)) return answer.document
  }
}

const hasOn = (name: string) => (document: FlagDocument) =>
  document.features.some((one) => one.name === name && one.enabled)

function verdictsOf(document: FlagDocument, name: string): unknown {
  const rule = ruleOf(document, name, name)
  if (rule.kind !== 'context') return rule
  return Array.from({ length: 200 }, (_, index) =>
    ['gpt-5.2', 'other'].flatMap((model) =>
      ['gpt-5.2', 'acme'].map((tenantId) =>
        rule.verdictOf({ unit: `u${index}`, properties: { model, tenantId } }),
      ),
    ),
  )
}

describe('headgate flags, and a real Unleash', () => {
  it('pushes a file, and there is nothing to do the second time', async () => {
    const { flags } = place('flags-push', rich('flags-push'))
    const differs = await flags('diff')
    expect(differs.code).toBe(1)
    const refused = await flags('push')
    expect(refused.code).toBe(7)
    expect(refused.stderr).toContain('it may raise a share: relay:')
    expect((await adminOf().flag('flags-push')).kind).toBe('missing')
    const dry = await flags('push', '--dry-run')
    expect(dry.code).toBe(0)
    expect(dry.stdout).toContain('+ flag "flags-push" (release)')
    expect((await adminOf().flag('flags-push')).kind).toBe('missing')
    const pushed = await flags('push', '--yes')
    expect([pushed.code, pushed.stderr]).toEqual([0, ''])
    const again = await flags('push')
    expect([again.code, again.stdout.split('\n').at(-2)]).toEqual([0, 'nothing to do'])
    const same = await flags('diff', '--json')
    expect(same.code).toBe(0)
    expect(documentsOf(same.stdout)).toMatchObject([{ ok: true, same: true, changes: [] }])
  })

  it('pulls what it pushed, a second pull changes nothing, and the rules are the server’s own', async () => {
    const name = 'flags-pull'
    const { flags, text, file, cwd } = place(name, rich(name))
    expect((await flags('push', '--yes')).code).toBe(0)
    const server = await served(hasOn(name))
    const pulled = await flags('pull')
    expect([pulled.code, pulled.stderr]).toEqual([0, ''])
    const parsed = parseDocument(text())
    if (!parsed.ok) throw new Error(parsed.faults.join())
    expect(parsed.document.features.map((one) => one.name)).toEqual([
      name,
      `${name}-kill`,
      `${name}-parent`,
    ])
    expect(verdictsOf(parsed.document, name)).toEqual(verdictsOf(server, name))
    expect(verdictsOf(parsed.document, name)).toEqual(verdictsOf(rich(name), name))
    const before = { text: text(), changed: statSync(file).mtimeMs }
    const again = await flags('pull')
    expect(again.stdout).toContain('is the same')
    expect({ text: text(), changed: statSync(file).mtimeMs }).toEqual(before)
    expect(readdirSync(join(cwd, 'flags'))).toEqual(['relay.json'])
    expect((await flags('push')).stdout).toContain('nothing to do')

    // What is pulled, changed and pushed comes back as it went.
    const changed = before.text.replace('"rollout": "5"', '"rollout": "3"')
    writeFileSync(file, changed)
    const diff = await flags('diff')
    expect(diff.stdout).toContain('parameters.rollout: "5" → "3"')
    expect((await flags('push', '--yes')).code).toBe(0)
    await served((document) => pulledText(document).includes('"rollout": "3"'))
    expect((await flags('pull')).stdout).toContain('is the same')
    expect(text()).toBe(changed)
  })

  it('asks nobody for what lowers a share, and for what turns the kill flag on', async () => {
    const name = 'flags-down'
    const at = (percent: number, killed: boolean) =>
      documentWith([
        { name, enabled: true, strategies: [gradual(percent, name)] },
        { name: `${name}-kill`, enabled: killed, strategies: [{ name: 'default' }] },
      ])
    const { flags, file } = place(name, at(5, false))
    expect((await flags('push', '--yes')).code).toBe(0)
    writeFileSync(file, JSON.stringify(at(2, false)))
    expect((await flags('push')).code).toBe(0)
    writeFileSync(file, JSON.stringify(at(50, true)))
    expect((await flags('push')).code).toBe(0)
    writeFileSync(file, JSON.stringify(at(50, false)))
    const up = await flags('push')
    expect([up.code, up.stderr]).toEqual([
      7,
      expect.stringContaining('it may raise a share: relay: 0 % → 50 %'),
    ])
    expect((await done(adminOf().flag(`${name}-kill`))).enabled).toBe(true)
  })

  it('deletes no flag, and touches neither descriptions nor other flags', async () => {
    const name = 'flags-keep'
    const only = documentWith([{ name, enabled: false, strategies: [gradual(1, name)] }])
    const { flags } = place(name, only)
    const head = { type: 'release', description: 'theirs', impressionData: false }
    for (const one of [name, `${name}-kill`]) await done(adminOf().createFlag(one, head))
    expect((await flags('push')).code).toBe(0)
    expect(await done(adminOf().flag(name))).toMatchObject({
      description: 'theirs',
      strategies: [{ parameters: { rollout: '1' } }],
    })
    expect((await done(adminOf().flag(`${name}-kill`))).description).toBe('theirs')
  })

  it('shows what each flag says, on the server and in a file', async () => {
    const name = 'flags-show'
    const document = documentWith([
      { name, enabled: true, strategies: [gradual(5, name)] },
      { name: `${name}-kill`, enabled: false, strategies: [{ name: 'default' }] },
    ])
    const { flags, cwd } = place(name, document)
    await flags('push', '--yes')
    await served(hasOn(name))
    const server = await flags('show')
    expect(server.stdout).toContain(`relay  ${name}  5 %\n`)
    writeFileSync(join(cwd, 'killed.json'), JSON.stringify(document).replace('false', 'true'))
    const { stdout } = await flags('show', '--file', 'killed.json', '--json')
    expect(documentsOf(stdout)).toMatchObject([
      {
        source: expect.stringContaining('killed.json'),
        rollouts: [
          {
            name: 'relay',
            flag: name,
            kind: 'ceiling',
            percent: 0,
            killed: true,
            advice: [`kill flag "${name}-kill" is on: the share is 0 %`],
          },
        ],
      },
    ])
  })

  it('carries any document there and back', async () => {
    let run = 0
    const percents = fc.integer({ min: 0, max: 100 })
    const constraint = fc.record({
      contextName: fc.constantFrom('model', 'tenantId'),
      operator: fc.constantFrom('IN', 'NOT_IN', 'STR_STARTS_WITH'),
      values: fc.subarray(['gpt-5.2', 'acme', 'other'], { minLength: 1 }),
      inverted: fc.boolean(),
    })
    const strategies = fc.record({
      percent: percents,
      constraints: fc.array(constraint, { maxLength: 2 }),
      variant: fc.boolean(),
    })
    const shapes = fc.record({
      first: fc.array(strategies, { minLength: 1, maxLength: 3 }),
      second: fc.array(strategies, { minLength: 1, maxLength: 3 }),
    })
    await fc.assert(
      fc.asyncProperty(shapes, async ({ first, second }) => {
        const name = `flags-any-${run++}`
        const documentOf = (list: typeof first, step: string) =>
          documentWith([
            {
              name,
              enabled: true,
              strategies: list.map(({ percent, constraints, variant }) =>
                gradual(percent, name, {
                  constraints: [
                    ...constraints,
                    // Tells apart which of both the server's cache has.
                    { contextName: 'step', operator: 'NOT_IN', values: [step] },
                  ],
                  variants: variant
                    ? [
                        {
                          name: 'canary',
                          weight: 1_000,
                          weightType: 'variable',
                          stickiness: 'default',
                        },
                      ]
                    : [],
                }),
              ),
            },
          ])
        const { flags, file, text } = place(name)
        for (const [list, step] of [
          [first, 'first'],
          [second, 'second'],
        ] as const) {
          const document = documentOf(list, step)
          await flags('pull')
          const folder = folderWith({ 'wanted.json': JSON.stringify(document) })
          const wanted = join(folder, 'wanted.json')
          const pushed = await flags('push', '--yes', '--file', wanted)
          expect([pushed.code, pushed.stderr]).toEqual([0, ''])
          expect((await flags('push', '--file', wanted)).stdout).toContain('nothing to do')
          const server = await served((one) => {
            const feature = one.features.find((each) => each.name === name)
            return JSON.stringify(feature ?? '').includes(`["${step}"]`)
          })
          expect((await flags('pull')).code).toBe(0)
          const parsed = parseDocument(text())
          expect(parsed.ok && verdictsOf(parsed.document, name)).toEqual(verdictsOf(server, name))
          expect(verdictsOf(server, name)).toEqual(verdictsOf(document, name))
          expect(existsSync(file)).toBe(true)
        }
      }),
      { numRuns: 5, seed: 1 },
    )
  })
})

describe('headgate flags, and what goes wrong', () => {
  it('refuses what the Admin API cannot carry, before anything is written', async () => {
    const name = 'flags-refused'
    const { flags } = place(
      name,
      documentWith([
        { name, enabled: true, strategies: [gradual(5, name), { name: 'userWithId' }] },
        { name: `${name}-kill`, enabled: true, strategies: [] },
      ]),
    )
    const { code, stderr } = await flags('push', '--yes')
    expect(code).toBe(3)
    expect(stderr).toContain('strategies[1] userWithId is no strategy of this server')
    expect(stderr).toContain('is on without strategies')
    expect((await adminOf().flag(name)).kind).toBe('missing')
  })

  it('does not take a file without the flags of its rollouts for nothing to do', async () => {
    const { flags } = place('flags-other', documentWith([]))
    for (const verb of ['push', 'diff']) {
      const { code, stderr } = await flags(verb)
      expect([verb, code]).toEqual([verb, 3])
      expect(stderr).toContain('has no flag "flags-other", which relay follows')
    }
    expect((await flags('push', '--all')).stdout).toContain('nothing to do')
  })

  it('keeps the old file when the server is away, does not know the token, or has no such flag', async () => {
    const name = 'flags-away'
    const document = documentWith([])
    const { flags, text, cwd } = place(name, document)
    const before = text()
    const missing = await flags('pull')
    expect([missing.code, missing.stderr]).toEqual([
      1,
      expect.stringContaining(`has no flag "${name}"`),
    ])
    writeFileSync(join(cwd, 'token'), '*:development.revoked\n')
    const revoked = await flags('pull', '--token-file', 'token')
    expect([revoked.code, revoked.stderr]).toEqual([4, expect.stringContaining('401')])
    const away = place(name, document, { url: 'http://127.0.0.1:9/api' })
    expect((await away.flags('pull')).code).toBe(4)
    expect((await away.flags('push')).code).toBe(4)
    expect((await away.flags('diff')).code).toBe(4)
    expect([text(), away.text()]).toEqual([before, before])
    expect(readdirSync(join(cwd, 'flags'))).toEqual(['relay.json'])
  })

  it('says what was written where a push breaks off, and the next one writes the rest', async () => {
    const name = 'flags-broken'
    const document = documentWith([
      { name, enabled: true, strategies: [gradual(5, name)] },
      { name: `${name}-kill`, enabled: false, strategies: [{ name: 'default' }] },
    ])
    const { flags, file } = place(name, document)
    const bad = { contextName: 'x', operator: 'IN_CIDR', values: ['10.0.0.0/8'] }
    const text = JSON.stringify(document).replace(
      '"constraints":[]',
      `"constraints":[${JSON.stringify(bad)}]`,
    )
    writeFileSync(file, text)
    const broken = await flags('push', '--yes')
    expect(broken.code).toBe(1)
    expect(broken.stderr).toMatch(/operator.*\n.*\n\d of \d changes were written/)
    expect((await done(adminOf().flag(name))).enabled).toBe(false)
    writeFileSync(file, JSON.stringify(document))
    expect((await flags('push', '--yes')).code).toBe(0)
    expect((await flags('push')).stdout).toContain('nothing to do')
  })

  it('C2: sends a token of the config file to the server of the config file only', async () => {
    const { flags } = place('flags-elsewhere', documentWith([]))
    const url = inject('unleash').url.replace('127.0.0.1', 'localhost')
    for (const verb of ['show', 'pull', 'push', 'diff']) {
      const { code, stderr } = await flags(verb, '--url', url)
      expect([verb, code]).toEqual([verb, 4])
      expect(stderr).toContain('--token-file')
    }
    expect((await flags('pull', '--url', 'http://unleash.example/api')).code).toBe(2)
    expect((await flags('pull', '--url', 'https://me:secret@u.example/api')).code).toBe(2)
  })

  it('C10: says no token, whatever fails', async () => {
    const { admin, tokens } = inject('unleash')
    const { flags, cwd } = place('flags-secret', documentWith([]))
    writeFileSync(join(cwd, 'token'), 'secret with blanks')
    const said = await Promise.all([
      flags('push', '--project', 'moon', '--verbose'),
      flags('pull', '--verbose'),
      flags('pull', '--token-file', 'token'),
      flags('diff', '--environment', 'moon'),
    ])
    const text = JSON.stringify(said)
    for (const secret of [admin, tokens.development, 'secret with blanks']) {
      expect(text).not.toContain(secret)
    }
  })
})
