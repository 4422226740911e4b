import { describe, expect, it } from 'vitest'
import { configSchema } from '../../src/config/schema.ts'
import { unboundFaults, workersFaults, workersNotes } from '../../src/config/workers.ts'

/** What a configuration lacks to run on Workers. */

const configOf = (more: object = {}) =>
  configSchema.parse({
    version: 1,
    control: { token: { binding: 'TOKEN' } },
    callers: [{ name: 'team', sha256: 'a'.repeat(64) }],
    upstreams: {
      official: { baseUrl: 'https://a.example/v1', auth: { bearer: { binding: 'OFFICIAL' } } },
    },
    ...more,
  })

const SECRETS: Record<string, string> = { TOKEN: 'a-token', OFFICIAL: 'sk-1234567890' }
const read = (ref: object) => SECRETS['binding' in ref ? String(ref.binding) : '']
const pathsOf = (found: ReturnType<typeof workersFaults>) => found.map(({ path }) => path.join('.'))

describe('a configuration for Workers', () => {
  it('holds up with callers, a token and secrets in bindings', () => {
    expect(workersFaults(configOf(), read)).toEqual([])
    expect(workersFaults(configOf(), null)).toEqual([])
  })

  it('is refused without callers: a Worker is open to everybody', () => {
    expect(pathsOf(workersFaults(configOf({ callers: [] }), read))).toEqual(['callers'])
    expect(pathsOf(workersFaults(configOf({ callers: [] }), null))).toEqual(['callers'])
  })

  it('is refused without a token for its control plane', () => {
    expect(pathsOf(workersFaults(configOf({ control: undefined }), read))).toEqual(['control'])
  })

  it('may leave both doors open where it says so', () => {
    const open = configOf({ callers: [], control: undefined, server: { open: true } })
    expect(workersFaults(open, read)).toEqual([])
  })

  it('may keep no secret in a file, set or not', () => {
    const inFile = configOf({ control: { token: { file: 'token.txt' } } })
    for (const reader of [read, null]) {
      expect(workersFaults(inFile, reader)).toEqual([
        expect.objectContaining({
          path: ['control', 'token'],
          suggestion: 'write { binding: NAME }',
        }),
      ])
    }
  })

  it('may not load a provider of flags', () => {
    const flags = { openFeature: { module: 'flags.mjs' } }
    expect(pathsOf(workersFaults(configOf({ flags }), read))).toEqual(['flags.openFeature'])
  })

  it('needs the binding of Workers AI where it names one', () => {
    const named = configOf({ embeddings: { workersAi: { binding: 'MODELS' } } })
    const run = async () => null
    expect(unboundFaults(named, { MODELS: { run } })).toEqual([])
    expect(unboundFaults(configOf(), {})).toEqual([])
    for (const env of [{}, { AI: { run } }, { MODELS: 'text' }, { MODELS: {} }]) {
      expect(unboundFaults(named, env)).toEqual([
        {
          path: ['embeddings', 'workersAi'],
          message: 'needs the binding MODELS of Workers AI, which is not there',
          suggestion: 'write binding = "MODELS" below [ai] in wrangler.toml',
        },
      ])
    }
  })

  it('needs its secrets to be set where they can be looked at', () => {
    expect(pathsOf(workersFaults(configOf(), () => undefined))).toEqual([
      'control.token',
      'upstreams.official.auth.bearer',
    ])
  })

  it('is told what has no effect there', () => {
    const upstreams = {
      official: { baseUrl: 'https://a.example/v1', http2: true, timeouts: { connect: '3s' } },
    }
    expect(workersNotes(configOf({ upstreams })).map(({ path }) => path.join('.'))).toEqual([
      'upstreams.official.http2',
      'upstreams.official.timeouts.connect',
    ])
    expect(workersNotes(configOf())).toEqual([])
  })
})
