import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { ROOT } from '../house/tree.ts'
import { ask, type Served, startServe } from './process.ts'

/** `headgate serve` with a module that makes a provider, as config names it. */

let served: Served | null = null

afterEach(async () => {
  await served?.stop()
  served = null
})

const SDK = pathToFileURL(join(ROOT, 'node_modules/@openfeature/server-sdk/dist/esm/index.js'))

/** A provider that looks at a file every few milliseconds, and says when it changed. */
const MODULE = `
import { readFileSync, watch } from 'node:fs'
import { InMemoryProvider } from '${SDK}'
const file = new URL('flags.json', import.meta.url)
const read = () => Object.fromEntries(
  Object.entries(JSON.parse(readFileSync(file, 'utf8'))).map(([name, value]) => [
    name,
    { variants: { only: value }, defaultVariant: 'only', disabled: false },
  ]),
)
export default () => {
  const provider = new InMemoryProvider(read())
  let watching
  provider.initialize = async () => {
    watching = watch(file, () => {
      try {
        provider.putConfiguration(read())
      } catch {}
    })
  }
  provider.onClose = async () => {
    console.error('provider closed')
    watching.close()
  }
  return provider
}
`

const flagsOf = (share: unknown, kill = false): string =>
  JSON.stringify({ 'headgate-relay': share, 'headgate-kill': kill })

async function reasonOf({ dataUrl }: Served): Promise<string> {
  const answer = await ask(dataUrl)
  await answer.text()
  return `${answer.headers.get('x-headgate-arm')} ${answer.headers.get('x-headgate-reason')}`
}

const write = ({ folder }: Served, text: string): void =>
  writeFileSync(join(folder, 'flags.json'), text)

describe('headgate serve with an OpenFeature provider', () => {
  it('has asked it before the first request, follows it, and closes it at the end', async () => {
    served = await startServe({
      flags: '{ openFeature: { module: ./flags.mjs } }',
      files: { 'flags.mjs': MODULE, 'flags.json': flagsOf(100) },
    })
    expect(await reasonOf(served)).toBe('canary split')
    write(served, flagsOf(100, true))
    await served.logged('"split"', '"killed":true')
    expect(await reasonOf(served)).toBe('control killed')
    write(served, flagsOf('control', false))
    await served.logged('"split"', '"flag":"off"')
    expect(await reasonOf(served)).toBe('control flag_off')
    const health = await served.api('health')
    expect(health).toMatchObject({
      degraded: [],
      flags: { source: 'openfeature:./flags.mjs', fault: null, maxAgeMs: 900_000 },
    })
    served.child.kill('SIGTERM')
    await served.logged('provider closed')
  })

  it('E1: starts, serves control and says why where the module is broken, and takes another one', async () => {
    served = await startServe({
      flags: '{ openFeature: { module: ./flags.mjs } }',
      files: { 'flags.mjs': 'export default class { constructor() { throw new Error() } }' },
    })
    expect(await reasonOf(served)).toBe('control stale')
    const ready = await fetch(new URL('/readyz', served.dataUrl))
    expect(await ready.json()).toEqual({ ready: true, degraded: ['flags'] })
    expect(await served.api('health')).toMatchObject({
      flags: { fault: 'the provider was not opened: GENERAL (TypeError)' },
    })
    writeFileSync(join(served.folder, 'better.mjs'), MODULE)
    write(served, flagsOf(100))
    served.writeConfig(served.configText().replace('./flags.mjs', './better.mjs'))
    await served.logged('"split"', '"ceilingPercent":100')
    expect(await reasonOf(served)).toBe('canary split')
  })

  it('E1: reads the module once, however often a provider is made: what is read stays in memory', async () => {
    const dead = `
console.error('module read')
export default () => {
  console.error('provider made')
  throw new TypeError('planted')
}
`
    served = await startServe({
      flags: '{ openFeature: { module: flags.mjs, interval: 1s } }',
      files: { 'flags.mjs': dead },
    })
    const times = (words: string): number => served?.stderr().split(words).length ?? 0
    while (times('provider made') < 4) await new Promise((done) => setTimeout(done, 20))
    expect(times('module read')).toBe(2)
  })

  it('follows the flags of a rollout that a reload brings', async () => {
    served = await startServe({
      flags: '{ openFeature: { module: ./flags.mjs } }',
      files: { 'flags.mjs': MODULE, 'flags.json': flagsOf(100) },
    })
    expect(await reasonOf(served)).toBe('canary split')
    served.writeConfig(served.configText().replace('flag: headgate-relay', 'flag: another'))
    await served.logged('"split"', '"flag":"off"')
    expect(await reasonOf(served)).toBe('control flag_off')
    write(served, JSON.stringify({ another: 73 }))
    await served.logged('"split"', '"ceilingPercent":73')
    expect((await served.rollout()).share).toMatchObject({ flag: 73, target: 73 })
  })
})
