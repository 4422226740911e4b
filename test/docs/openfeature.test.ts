import { execFile } from 'node:child_process'
import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startOfrepServer } from '../fakes/ofrep-server.ts'
import { ROOT } from '../house/tree.ts'
import { type Served, startServe } from '../node/process.ts'
import { blocksOf } from './blocks.ts'

/** docs/guides/openfeature.md, block by block, in the folder of a Headgate that runs. */

const BLOCKS = blocksOf('guides/openfeature.md')

function blockOf(language: string, holds: string): string {
  const found = BLOCKS.filter((block) => block.language === language && block.text.includes(holds))
  if (found.length !== 1) throw new Error(`${found.length} blocks of ${language} with ${holds}`)
  return found[0]?.text ?? ''
}

let served: Served
let flags: Awaited<ReturnType<typeof startOfrepServer>>

beforeAll(async () => {
  flags = await startOfrepServer()
  served = await startServe({
    env: {
      FLAGS_URL: flags.url,
      FLAGS_TOKEN: 'flags-token',
      HEADGATE_VIEWER_TOKEN: 'viewer-token',
    },
  })
  const { folder } = served
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'))
  mkdirSync(join(folder, 'bin'))
  const shim = join(folder, 'bin/headgate')
  writeFileSync(shim, `#!/bin/sh\nexec "${process.execPath}" "${ROOT}/src/cli/main.ts" "$@"\n`)
  chmodSync(shim, 0o755)
  for (const { language, file, text } of BLOCKS) {
    if (language === 'js' && file !== null) writeFileSync(join(folder, file), placed(text))
  }
  const [source = '', control = ''] = BLOCKS.filter(({ language }) => language === 'yaml').map(
    ({ text }) => text,
  )
  served.writeConfig(served.configText().replace(/^flags:.*\n/m, source) + control)
  await served.logged('configuration taken')
  await served.logged('"split"', '"ceilingPercent":20')
})

afterAll(async () => {
  await served.stop()
  await flags.close()
})

/** The page's control plane is where this one is. */
function placed(text: string): string {
  return text.replaceAll('http://127.0.0.1:8788/-', (served.controlUrl ?? '').replace(/\/$/, ''))
}

async function sh(text: string): Promise<string> {
  const { stdout } = await promisify(execFile)('sh', ['-e', '-c', placed(text)], {
    cwd: served.folder,
    env: {
      PATH: [join(served.folder, 'bin'), process.env['PATH']].join(delimiter),
      HEADGATE_VIEWER_TOKEN: 'viewer-token',
      OFFICIAL_KEY: 'official-key-0123',
      RELAY_KEY: 'relay-key-0123',
      HEADGATE_TOKEN: 'control-token-0123456789',
    },
  })
  return stdout
}

describe('the guide to OpenFeature', () => {
  it('has a check that finds the module', async () => {
    const said = await sh(blockOf('sh', 'headgate check'))
    expect(said).toMatch(/^flags +flags\.mjs$/m)
    expect(said).toMatch(/^ok$/m)
  })

  it('has a question that is answered as it says', async () => {
    const answer = JSON.parse(await sh(blockOf('sh', 'curl')))
    expect(answer).toEqual(JSON.parse(blockOf('json', '"relay"')))
  })

  it('has an application of ten lines that asks the same, and prints what it says', async () => {
    const lines = blockOf('js', 'getBooleanValue').trim().split('\n')
    expect(lines.filter((line) => line !== '').length).toBeLessThanOrEqual(10)
    expect(await sh(blockOf('sh', 'node ask.mjs'))).toBe(blockOf('text', 'canary'))
    flags.answer = (key) => [200, { key, value: key !== 'headgate-relay' }]
    served.child.kill('SIGHUP')
    await served.logged('"split"', '"killed":true')
    expect(await sh(blockOf('sh', 'node ask.mjs'))).toBe('control\n')
  })

  it('has no other command', () => {
    const commands = BLOCKS.filter(({ language }) => language === 'sh')
    expect(commands).toHaveLength(3)
  })
})
