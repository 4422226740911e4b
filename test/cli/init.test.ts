// biome-ignore-all lint/suspicious/noTemplateCurlyInString: the config file's own ${…}, as text.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { configText, flagsText, modelOf } from '../../src/cli/starter.ts'
import { parseConfig } from '../../src/config/parse.ts'
import { configOf, small } from '../config/read.ts'
import { begin } from './ask.ts'
import { folderWith, headgate } from './run.ts'

const RELAY = ['--relay-url', 'https://relay.example/v1']
const FILES = ['headgate.yaml', 'flags/relay.json', '.env.example']

describe('what init writes', () => {
  test.each(['openai', 'anthropic', 'both'])('for %s passes check as it stands', (official) => {
    const folder = folderWith()
    const init = headgate(folder, [
      'init',
      '--official',
      official,
      ...RELAY,
      '--model',
      'm-1',
      '--model',
      'm-2=there/m-2',
    ])
    expect([init.code, init.stderr]).toEqual([0, ''])
    for (const file of FILES) expect(init.stdout).toContain(`wrote  ${file}\n`)
    const check = headgate(folder, ['check', '--json'])
    expect(check.code).toBe(0)
    expect(JSON.parse(check.stdout)).toMatchObject({
      ok: true,
      faults: [],
      notes: [],
      flags: { faults: [], advice: [] },
    })
    const variables = JSON.parse(check.stdout).secrets.map(({ reference }: { reference: string }) =>
      reference.replace('env ', ''),
    )
    const example = readFileSync(join(folder, '.env.example'), 'utf8')
    for (const variable of variables) expect(example).toContain(`\n${variable}=\n`)
  })

  test('names the schema in its first line, by a path that leads there', () => {
    const folder = folderWith()
    headgate(folder, ['init', '--yes', ...RELAY, '--model', 'm', '--dir', 'deep/er'])
    const [first = ''] = readFileSync(join(folder, 'deep/er/headgate.yaml'), 'utf8').split('\n')
    const path = /^# yaml-language-server: \$schema=(.*)$/.exec(first)?.[1] ?? ''
    expect(JSON.parse(readFileSync(join(folder, 'deep/er', path), 'utf8')).title).toBe(
      'headgate.yaml',
    )
  })

  test('starts at 1 %, with the flags that are in the repository', () => {
    const sample = readFileSync(
      join(import.meta.dirname, '../../deploy/workers/flags/relay.json'),
      'utf8',
    )
    expect(flagsText(1)).toBe(sample)
    expect(JSON.parse(sample).features[0].strategies[0].parameters).toEqual({
      rollout: '1',
      stickiness: 'default',
      groupId: 'headgate-relay',
    })
  })

  test('as JSON says what was written and what comes next', () => {
    const { stdout } = headgate(folderWith(), ['init', '--json', '--yes', ...RELAY, '--model', 'm'])
    expect(JSON.parse(stdout)).toMatchObject({ schemaVersion: 1, ok: true, written: FILES })
  })

  test('through npm its next commands are npm commands', () => {
    const { stdout } = headgate(folderWith(), ['init', '--yes', ...RELAY, '--model', 'm'], {
      npm_lifecycle_event: 'headgate',
    })
    expect(stdout).toContain('\n  npm run -s headgate -- check\n')
  })

  test('a dry run prints the files and writes none', () => {
    const folder = folderWith()
    const { code, stdout } = headgate(folder, [
      'init',
      '--dry-run',
      '--yes',
      ...RELAY,
      '--model',
      'm',
    ])
    expect(code).toBe(0)
    expect(stdout).toContain('--- headgate.yaml\n# yaml-language-server')
    expect(existsSync(join(folder, 'headgate.yaml'))).toBe(false)
  })

  test('model names with quotes, colons and ${ stay letter by letter', () => {
    for (const name of ['a: b', '"q"', "it's", '${X}', '$${X}', '- x', '# x', 'é 流']) {
      const text = configText(
        {
          official: 'openai',
          relayUrl: 'https://r.example/v1',
          models: [{ asked: name, there: name }],
        },
        { template: 'node', schemaPath: './x', callerSha256: '' },
      )
      const parsed = parseConfig(text, { file: 'f', env: {} })
      expect(parsed.ok && Object.values(parsed.config.upstreams['relay']?.models ?? {})).toEqual([
        name,
      ])
    }
  })

  test('a model may have another name at the relay', () => {
    expect(modelOf('a')).toEqual({ asked: 'a', there: 'a' })
    expect(modelOf('a = b/c')).toEqual({ asked: 'a', there: 'b/c' })
    expect(['', '=', 'a=', '=b', 'a=b=c'].map(modelOf)).toEqual(Array(5).fill(null))
  })
})

describe('init refuses', () => {
  test('to replace a file, and then writes none of them', () => {
    const folder = folderWith({ '.env.example': 'mine' })
    const args = ['init', '--yes', ...RELAY, '--model', 'm']
    const { code, stderr } = headgate(folder, args)
    expect(code).toBe(1)
    expect(stderr).toContain('.env.example is there already: nothing was written')
    expect(existsSync(join(folder, 'headgate.yaml'))).toBe(false)
    expect(readFileSync(join(folder, '.env.example'), 'utf8')).toBe('mine')

    expect(headgate(folder, [...args, '--force']).code).toBe(0)
    expect(readFileSync(join(folder, '.env.example'), 'utf8')).not.toBe('mine')
  })

  test('to guess where it cannot ask, and names the options', () => {
    const { code, stderr } = headgate(folderWith(), ['init'])
    expect(code).toBe(2)
    expect(stderr).toContain('--official, --relay-url, --model must be given')
    expect(headgate(folderWith(), ['init', '--yes', ...RELAY]).stderr).toContain(
      '--model must be given',
    )
  })

  test.each([
    ['http://relay.example/v1', 'https:'],
    ['relay.example', 'https: URL'],
    ['https://me:hunter2@relay.example/v1', 'credentials'],
  ])('the relay URL %s', (url, word) => {
    const folder = folderWith()
    const { code, stdout, stderr } = headgate(folder, [
      'init',
      '--yes',
      '--relay-url',
      url,
      '--model',
      'm',
    ])
    expect(code).toBe(2)
    expect(stderr).toContain(word)
    expect(stdout + stderr).not.toContain('hunter2')
    expect(existsSync(join(folder, 'headgate.yaml'))).toBe(false)
  })

  test('a vendor it does not know', () => {
    const { code, stderr } = headgate(folderWith(), ['init', '--official', 'azure'])
    expect([code, stderr]).toEqual([2, expect.stringContaining('openai, anthropic, both')])
  })

  test('a folder it cannot make', () => {
    const folder = folderWith()
    writeFileSync(join(folder, 'taken'), '')
    const { code, stderr } = headgate(folder, [
      'init',
      '--yes',
      ...RELAY,
      '--model',
      'm',
      '--dir',
      'taken/x',
    ])
    expect([code, stderr]).toEqual([1, expect.stringContaining('cannot write')])
  })
})

describe.each(['docker', 'kubernetes', 'workers'])('the template %s', (template) => {
  const made = () => {
    const folder = folderWith()
    const args = ['init', '--json', '--template', template, '--yes', ...RELAY, '--model', 'm']
    const { code, stdout } = headgate(folder, args)
    expect(code).toBe(0)
    const document = JSON.parse(stdout) as { written: string[]; callerToken: string }
    const texts = new Map(
      document.written.map((name) => [name, readFileSync(join(folder, name), 'utf8')]),
    )
    return { folder, ...document, texts }
  }
  const config = {
    docker: 'config/headgate.yaml',
    kubernetes: 'kubernetes/config/headgate.yaml',
    workers: 'headgate.yaml',
  }[template] as string

  test('passes check, listens where it must, and names the schema first', () => {
    const { folder, texts } = made()
    const target = template === 'workers' ? 'workers' : 'node'
    const check = headgate(folder, ['check', '--json', '--target', target, '--config', config])
    expect(JSON.parse(check.stdout)).toMatchObject({ ok: true, faults: [], notes: [] })
    const [first = ''] = texts.get(config)?.split('\n') ?? []
    const path = /^# yaml-language-server: \$schema=(.*)$/.exec(first)?.[1] ?? ''
    expect(existsSync(join(folder, config, '..', path))).toBe(true)
  })

  test('lets in whoever shows a token that is in no file', () => {
    const { texts, callerToken } = made()
    const digest = createHash('sha256').update(callerToken).digest('hex')
    expect(callerToken).toMatch(/^hgc_[0-9a-f]{48}$/)
    expect(texts.get(config)).toContain(`sha256: ${digest}`)
    for (const text of texts.values()) expect(text).not.toContain(callerToken)
    expect(made().callerToken).not.toBe(callerToken)
  })

  test('replaces nothing', () => {
    const { folder, texts } = made()
    const again = headgate(folder, [
      'init',
      '--template',
      template,
      '--yes',
      ...RELAY,
      '--model',
      'x',
    ])
    expect([again.code, again.stderr]).toEqual([1, expect.stringContaining('nothing was written')])
    for (const [name, text] of texts) expect(readFileSync(join(folder, name), 'utf8')).toBe(text)
  })
})

describe('what is deployed', () => {
  const root = join(import.meta.dirname, '../..')
  const manifests = (): Map<string, Record<string, never>> => {
    const folder = join(root, 'deploy/kubernetes')
    const documents = readdirSync(folder)
      .filter((name) => name.endsWith('.yaml'))
      .flatMap((name) => parseAllDocuments(readFileSync(join(folder, name), 'utf8')))
      .map((document) => document.toJS())
    return new Map(documents.map((one) => [`${one.kind} ${one.metadata?.name ?? ''}`, one]))
  }

  test('in Kubernetes: every file of the kustomization is there, and nothing else is', () => {
    const kustomization = manifests().get('Kustomization ') as unknown as { resources: string[] }
    const there = readdirSync(join(root, 'deploy/kubernetes'))
    expect([...kustomization.resources, 'kustomization.yaml'].toSorted()).toEqual(there.toSorted())
  })

  test('in Kubernetes: as nobody, on a file system that is read, with the time to drain', () => {
    const { spec } = manifests().get('StatefulSet headgate') as unknown as {
      // biome-ignore lint/suspicious/noExplicitAny: a manifest, by what is expected of it
      spec: any
    }
    const pod = spec.template.spec
    const [container] = pod.containers
    expect(spec.replicas).toBe(1)
    expect(pod.securityContext).toMatchObject({ runAsNonRoot: true, seccompProfile: {} })
    expect(container.securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    })
    expect(container.livenessProbe.httpGet.path).toBe('/livez')
    expect(container.readinessProbe.httpGet.path).toBe('/readyz')
    const { drainTimeout } = configOf(small()).server
    const pauseMs = container.lifecycle.preStop.sleep.seconds * 1_000
    expect(pod.terminationGracePeriodSeconds * 1_000).toBeGreaterThan(drainTimeout + pauseMs)
    const labels = spec.template.metadata.labels
    for (const kind of ['NetworkPolicy', 'PodDisruptionBudget', 'Service']) {
      const { spec: other } = manifests().get(`${kind} headgate`) as unknown as {
        spec: Record<string, { matchLabels?: unknown }>
      }
      const selector = other['podSelector'] ?? other['selector']
      expect(selector?.matchLabels ?? selector).toEqual(labels)
    }
  })

  test('as an image: what is copied is there, and what is not copied is kept out', () => {
    const text = readFileSync(join(root, 'deploy/Dockerfile'), 'utf8')
    const copied = [...text.matchAll(/^COPY (?!--from)(.+) \S+$/gm)].flatMap(([, from = '']) =>
      from.split(' '),
    )
    const kept = readFileSync(join(root, '.dockerignore'), 'utf8')
    for (const path of copied) {
      expect(existsSync(join(root, path))).toBe(true)
      expect(kept).toContain(`\n!${path}\n`)
    }
    expect(text).toContain('USER node')
  })

  test('at the edge: every path of its wrangler.toml leads into the project', () => {
    const folder = folderWith()
    headgate(folder, ['init', '--template', 'workers', '--yes', ...RELAY, '--model', 'm'])
    const text = readFileSync(join(folder, 'wrangler.toml'), 'utf8')
    const paths = [...text.matchAll(/(\.\.\/[^"\s]+)/g)].map(([path]) => path)
    expect(paths).toEqual(
      expect.arrayContaining(
        ['src/worker.ts', 'scripts/page.ts', 'dist/page'].map((end) =>
          expect.stringMatching(`${end}$`),
        ),
      ),
    )
    for (const path of paths) {
      const built = path.includes('/dist/')
      expect([path, built || existsSync(join(folder, path))]).toEqual([path, true])
    }
    expect(text).not.toMatch(/"\.\/|"src\/|"dist\/|node scripts\//)
  })
})

test('a person is asked where it will run, whose API it is, and for the relay', async () => {
  const cwd = folderWith()
  const asked = begin(['init'], { cwd, terminal: true })
  await asked.stderr.said('Where will it run?')
  asked.type('\u001b[B')
  asked.type('\r')
  await asked.stderr.said('Which official API')
  asked.type('\r')
  await asked.stderr.said('base URL?')
  asked.type('https://relay.example/v1')
  asked.type('\r')
  await asked.stderr.said('Which models')
  asked.type('gpt-5.2, m=there/m')
  asked.type('\r')
  expect(await asked.code).toBe(0)
  expect(readFileSync(join(cwd, 'config/headgate.yaml'), 'utf8')).toContain('"m": "there/m"')
  expect(existsSync(join(cwd, 'compose.yaml'))).toBe(true)
})
