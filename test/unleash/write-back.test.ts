import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, inject, it, onTestFinished } from 'vitest'
import { eventViewOf } from '../../src/api/event-view.ts'
import { unleashWriteBack } from '../../src/exporters/unleash.ts'
import { startNode } from '../../src/node.ts'
import type { RolloutEvent } from '../../src/types.ts'
import { describedWith, raiseOf } from '../../src/unleash/write-back.ts'
import { folderWith } from '../cli/run.ts'
import { realClock } from './clock.ts'
import { adminOf, done, flagAt, gradual } from './flags.ts'

const silent = { info() {}, warn() {}, error() {} }

function configOf(flag: string, token: object) {
  return {
    version: 1,
    server: { port: 0 },
    control: { port: 0, token: { env: 'CONTROL' } },
    state: { memory: true },
    upstreams: {
      official: { baseUrl: 'https://a.example/v1' },
      relay: { baseUrl: 'https://b.example/v1' },
    },
    flags: {
      unleash: {
        url: inject('unleash').url,
        token: { env: 'BACKEND' },
        backup: false,
        writeBack: { token },
      },
    },
    rollouts: {
      relay: {
        match: { paths: ['/v1/chat/completions'] },
        control: 'official',
        canary: 'relay',
        flag,
        plan: { steps: ['1%', '50%'], over: '1d' },
      },
    },
  }
}

describe('written back to a real Unleash', () => {
  it('a rollback turns the flag off there, with its reason, and is told in the audit log', async () => {
    await flagAt('back-node', 5)
    const { description } = await done(adminOf().flag('back-node'))
    await done(adminOf().setDescription('back-node', description, 'Owner: platform'))
    const { admin, tokens } = inject('unleash')
    const folder = folderWith()
    const configFile = join(folder, 'headgate.yaml')
    writeFileSync(configFile, JSON.stringify(configOf('back-node', { env: 'ADMIN' })))
    const noted = Promise.withResolvers<RolloutEvent>()
    const running = await startNode({
      configFile,
      env: { CONTROL: 'control-token-control-token', ADMIN: admin, BACKEND: tokens.development },
      log: silent,
      onEvent: (event) => {
        if (event.by === 'write_back') noted.resolve(event)
      },
    })
    onTestFinished(() => running.close())
    const ask = async (verb: string, init: RequestInit = {}): Promise<Record<string, unknown>> => {
      const headers = {
        authorization: 'Bearer control-token-control-token',
        'content-type': 'application/json',
      }
      const response = await fetch(`${running.controlUrl}api/v1/${verb}`, { headers, ...init })
      expect(response.status).toBe(200)
      return (await response.json()) as Record<string, unknown>
    }
    const body = JSON.stringify({ by: 'alice', reason: 'answers\nare cut' })
    const { version } = await ask('rollouts/relay/rollback', { method: 'POST', body })
    const note = await noted.promise
    expect(note).toMatchObject({ type: 'flag_written', version: Number(version) + 1 })
    const { items } = await ask('events?rollout=relay')
    expect(items).toMatchObject([{ type: 'rolled_back' }, eventViewOf(note)])
    const flag = await done(adminOf().flag('back-node'))
    expect(flag.enabled).toBe(false)
    expect(flag.description).toMatch(
      /^Owner: platform\n\nHeadgate rolled back relay \(alice, 2[\dT:-]+Z\): answers are cut$/,
    )
  })

  it('a rollback is written once the token is put right: the reload leaves it to what comes next', async () => {
    await flagAt('back-token', 5)
    const { admin, tokens } = inject('unleash')
    const folder = folderWith()
    const configFile = join(folder, 'headgate.yaml')
    const tokenFile = join(folder, 'admin.token')
    writeFileSync(tokenFile, '*:*.wrong')
    writeFileSync(configFile, JSON.stringify(configOf('back-token', { file: tokenFile })))
    const refused = Promise.withResolvers<void>()
    const noted = Promise.withResolvers<RolloutEvent>()
    const running = await startNode({
      configFile,
      env: { CONTROL: 'control-token-control-token', BACKEND: tokens.development },
      log: { ...silent, warn: (message) => message.startsWith('flag not') && refused.resolve() },
      onEvent: (event) => {
        if (event.by === 'write_back') noted.resolve(event)
      },
    })
    onTestFinished(() => running.close())
    const response = await fetch(`${running.controlUrl}api/v1/rollouts/relay/rollback`, {
      method: 'POST',
      headers: {
        authorization: 'Bearer control-token-control-token',
        'content-type': 'application/json',
      },
      body: JSON.stringify({ by: 'alice', reason: 'answers are cut' }),
    })
    expect(response.status).toBe(200)
    await refused.promise
    writeFileSync(tokenFile, admin)
    running.reload()
    expect(await noted.promise).toMatchObject({ type: 'flag_written' })
    expect((await done(adminOf().flag('back-token'))).enabled).toBe(false)
  })

  it('a step of the plan raises the percentage, until a person lowers it', async () => {
    await flagAt('back-steps', 1)
    const notes: string[] = []
    let more = Promise.withResolvers<void>()
    const back = unleashWriteBack({
      admin: adminOf(),
      environment: 'development',
      place: 'here',
      steps: true,
      flagOf: () => ({ flag: 'back-steps', groupId: 'back-steps' }),
      note(_, { type, reason }) {
        notes.push(`${type}: ${reason}`)
        more.resolve()
      },
      clock: realClock,
      random: Math.random,
      log: silent,
    })
    const step = async (fromBp: number, toBp: number): Promise<string | undefined> => {
      more = Promise.withResolvers()
      back.take(advanced(fromBp, toBp))
      await more.promise
      return notes.at(-1)
    }
    expect(await step(100, 250)).toBe(
      'flag_written: raised back-steps from 1 % to 3 % in development',
    )
    const [strategy] = (await done(adminOf().flag('back-steps'))).strategies
    expect(strategy?.parameters).toEqual(gradual(3, 'back-steps').parameters)
    await done(adminOf().setPercent('back-steps', String(strategy?.id), '3', 2))
    expect(await step(250, 500)).toMatch(/^flag_declined: .* it is at 2 %, below the 2.5 %/)
    await done(adminOf().turnOff('back-steps'))
    expect(await step(200, 500)).toMatch(/^flag_declined: .* it is off$/)
    expect((await done(adminOf().flag('back-steps'))).enabled).toBe(false)
  })
})

function advanced(fromBp: number, toBp: number): RolloutEvent {
  const before = { heightBp: fromBp } as RolloutEvent['before']
  const after = { heightBp: toBp } as RolloutEvent['after']
  const told = { id: 'e', at: 0, rollout: 'relay', version: 2, epoch: 1, reason: 'passed' }
  return { ...told, type: 'advanced', by: 'gate', before, after }
}

describe('a flag that is to be raised', () => {
  const flag = (strategies: object[], enabled = true) =>
    ({ name: 'f', enabled, strategies: strategies.map((one) => ({ id: 'x', ...one })) }) as never
  const step = { fromBp: 100, toBp: 200 }
  const narrow = { contextName: 'model', operator: 'IN', values: ['gpt-5.2'] }
  it.each<[string, object[], object]>([
    ['its one plain strategy', [gradual(1, 'f')], { kind: 'write', toPercent: 2 }],
    [
      'that beside a constrained one',
      [gradual(100, 'f', { constraints: [narrow] }), gradual(1, 'f')],
      { kind: 'write', toPercent: 2 },
    ],
    [
      'that beside a disabled one',
      [gradual(100, 'f', { disabled: true }), gradual(1, 'f')],
      { kind: 'write', fromPercent: 1 },
    ],
    ['a fraction, which serves what is below it', [gradual('1.9', 'f')], { fromPercent: 1 }],
    ['one that is at it', [gradual(2, 'f')], { kind: 'enough' }],
    ['one that is on for everybody', [{ name: 'default' }, gradual(1, 'f')], { kind: 'enough' }],
    ['nothing of this groupId', [gradual(1, 'g')], { kind: 'declined' }],
    ['only a constrained one', [gradual(1, 'f', { constraints: [narrow] })], { kind: 'declined' }],
    ['only one with a segment', [gradual(1, 'f', { segments: [1] })], { kind: 'declined' }],
    ['only one with variants', [gradual(1, 'f', { variants: [{}] })], { kind: 'declined' }],
    ['two of them', [gradual(1, 'f'), gradual(1, 'f')], { kind: 'declined' }],
    ['one that is at 0', [gradual(0, 'f')], { kind: 'declined' }],
    ['one that is no percentage', [gradual('many', 'f')], { kind: 'declined' }],
    ['no strategy at all', [], { kind: 'declined' }],
  ])('has %s', (_, strategies, expected) => {
    expect(raiseOf(flag(strategies), 'f', step)).toMatchObject(expected)
  })

  it('is left off', () => {
    expect(raiseOf(flag([gradual(1, 'f')], false), 'f', step)).toEqual({
      kind: 'declined',
      words: 'it is off',
    })
  })
})

describe('a description', () => {
  const told = (rollout: string, reason: string, at = 0) => ({ rollout, by: 'guard', at, reason })
  it('has one line for each rollout, in place of the one before', () => {
    const one = describedWith(null, told('relay', 'first'))
    const two = describedWith(one, told('relay-messages', 'other'))
    expect(describedWith(`Ours.\n\n${two}\nTheirs.`, told('relay', 'second'))).toBe(
      [
        'Ours.',
        '',
        'Headgate rolled back relay-messages (guard, 1970-01-01T00:00:00Z): other',
        'Theirs.',
        '',
        'Headgate rolled back relay (guard, 1970-01-01T00:00:00Z): second',
      ].join('\n'),
    )
    expect(describedWith(one, told('relay', 'first'))).toBe(one)
  })

  it('stays a line, and short, whatever the reason holds', () => {
    const line = describedWith('', told('relay', `a\r\n\u2028b\u0000${'c'.repeat(9_999)}`, 1e99))
    expect(line).toMatch(/^Headgate rolled back relay \(guard, \): a b c{295,296}…$/)
  })
})
