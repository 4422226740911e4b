import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import { layersOf } from '../../scripts/check-layers.ts'
import { ROOT, treeOf } from './tree.ts'

const PACKAGES = ['commander', 'hono', 'preact', 'undici', 'unleash-client', 'zod']

/** A file and what it imports; `type ` in front makes the import type-only. */
type Imports = Readonly<Record<string, readonly string[]>>

/** One file per place of the tree, each importing all that its place may. */
const LEGAL: Imports = {
  'types.ts': [],
  'ports.ts': ['type ./types.ts'],
  'errors.ts': ['type ./types.ts'],
  'index.ts': ['./headgate.ts', './types.ts', './flag-sources/openfeature.ts'],
  'headgate.ts': ['./proxy/handle.ts', './rollout/controller.ts', './ports.ts', 'hono'],
  'config/schema.ts': ['zod', '../errors.ts'],
  'flag/document.ts': ['../types.ts', 'zod'],
  'flag/evaluate.ts': ['./document.ts', 'unleash-client/lib/client.js'],
  'judge/kernel.ts': [],
  'judge/guard.ts': ['./kernel.ts', 'type ../types.ts'],
  'compare/shape.ts': ['../types.ts', '../wire/usage.ts'],
  'wire/usage.ts': ['../types.ts'],
  'proxy/scan.ts': ['../errors.ts'],
  'proxy/pin.ts': ['./scan.ts', '../config/schema.ts', '../flag/evaluate.ts'],
  'proxy/observe.ts': ['../ports.ts'],
  'proxy/handle.ts': ['./pin.ts', './observe.ts', '../judge/guard.ts', '../compare/shape.ts'],
  'rollout/plan.ts': ['../judge/guard.ts'],
  'rollout/controller.ts': ['./plan.ts', '../flag/evaluate.ts', '../ports.ts'],
  'telemetry/log.ts': [],
  'telemetry/names.ts': [],
  'eval/ask.ts': [],
  'eval/golden-pair.ts': ['../types.ts'],
  'eval/other.ts': [],
  'eval/grade.ts': ['../ports.ts'],
  'watch-file.ts': ['node:fs'],
  'load-config.ts': ['./config/schema.ts', 'node:path'],
  'flag-sources/file.ts': ['../watch-file.ts', '../ports.ts', 'node:fs'],
  'flag-sources/unleash.ts': ['../unleash/features.ts', '../flag/document.ts', '../ports.ts'],
  'flag-sources/unleash-usage.ts': ['unleash-client', '../ports.ts'],
  'flag-sources/openfeature.ts': ['../openfeature/provider.ts', '../flag/document.ts'],
  'openfeature/answers.ts': ['../flag/document.ts', '../ports.ts'],
  'openfeature/provider.ts': ['./answers.ts'],
  'unleash/features.ts': ['../flag/document.ts', '../ports.ts'],
  'exporters/unleash.ts': ['../unleash/features.ts'],
  'exporters/prometheus.ts': ['../telemetry/names.ts'],
  'exporters/otel-node.ts': ['./otel-spans.ts', '../telemetry/names.ts'],
  'exporters/otel-spans.ts': ['./otel-packed.ts', '../ports.ts'],
  'exporters/otel-packed.ts': ['../ports.ts'],
  'embedders/openai.ts': ['./vectors.ts', '../ports.ts', '../errors.ts'],
  'embedders/vectors.ts': [],
  'stores/memory.ts': ['../ports.ts', '../types.ts'],
  'stores/sql.ts': ['../ports.ts', '../errors.ts'],
  'stores/sqlite.ts': ['node:sqlite', './sql.ts'],
  'stores/durable-object.ts': ['./sql.ts', '../ports.ts'],
  'transports/fetch.ts': ['../ports.ts', 'hono'],
  'transports/node.ts': ['undici', 'node:stream', 'type ../ports.ts', '../loop-turn.ts'],
  'loop-turn.ts': ['./ports.ts'],
  'node-doctor.ts': ['./load-config.ts', 'undici', 'node:tls'],
  'node.ts': [
    './headgate.ts',
    './stores/sqlite.ts',
    './load-config.ts',
    './watch-file.ts',
    './node-doctor.ts',
  ],
  'rollout-object.ts': ['cloudflare:workers', './rollout/controller.ts', './stores/memory.ts'],
  'worker-runtime.ts': ['./ports.ts'],
  'worker-handler.ts': ['./headgate.ts', './worker-runtime.ts', './transports/fetch.ts'],
  'worker.ts': ['./rollout-object.ts', './worker-handler.ts', 'cloudflare:workers'],
  'demo/upstreams.ts': ['node:http', '../proxy/scan.ts'],
  'demo/load.ts': ['./upstreams.ts'],
  'cli/client.ts': ['../errors.ts'],
  'cli/main.ts': ['commander', './client.ts', './commands/check.ts', './commands/serve.ts'],
  'cli/commands/check.ts': ['../../load-config.ts', '../../flag/evaluate.ts', 'node:fs'],
  'cli/commands/flags.ts': ['../../unleash/features.ts', '../../flag/document.ts'],
  'cli/commands/eval.ts': ['../../eval/ask.ts', '../../eval/grade.ts', '../../judge/guard.ts'],
  'cli/commands/serve.ts': ['../../node.ts', '../../demo/load.ts'],
  'cli/commands/doctor.ts': ['../../node-doctor.ts'],
  'compare/diff.ts': ['../types.ts', './json.ts'],
  'compare/json.ts': ['../wire/usage.ts'],
  'dashboard/main.tsx': [
    'preact',
    '../compare/diff.ts',
    '../compare/json.ts',
    '../eval/golden-pair.ts',
    'type ../types.ts',
  ],
}

/** Rule, the file that breaks it, and how. */
const PLANTED: readonly (readonly [rule: string, file: string, imported: string])[] = [
  ['0-resolves', 'proxy/lost.ts', './nowhere.ts'],
  ['1-types-import-nothing', 'types.ts', 'zod'],
  ['1-nouns-import-types', 'ports.ts', './config/secret.ts'],
  ['1-nouns-import-types', 'errors.ts', 'type zod'],
  ['2-judge-and-flag-stand-alone', 'judge/need.ts', '../config/secret.ts'],
  ['2-judge-and-flag-stand-alone', 'judge/gate.ts', 'type ../flag/document.ts'],
  ['2-judge-and-flag-stand-alone', 'flag/rule.ts', '../proxy/scan.ts'],
  ['3-planes-apart', 'proxy/trip.ts', 'type ../rollout/plan.ts'],
  ['2-comparison-stands-alone', 'compare/golden.ts', '../proxy/scan.ts'],
  ['2-comparison-stands-alone', 'compare/noise.ts', 'type ../judge/guard.ts'],
  ['2-comparison-stands-alone', 'wire/value.ts', '../compare/shape.ts'],
  ['3-planes-apart', 'rollout/split-cache.ts', '../proxy/observe.ts'],
  ['3-planes-apart', 'rollout/advance.ts', '../compare/shape.ts'],
  ['4-core-names-no-adapter', 'api/routes.ts', '../stores/memory.ts'],
  ['4-core-names-no-adapter', 'proxy/forward.ts', 'type ../transports/fetch.ts'],
  ['4-core-names-no-adapter', 'config/reload.ts', '../flag-sources/unleash.ts'],
  ['4-core-names-no-adapter', 'telemetry/spans.ts', '../exporters/prometheus.ts'],
  ['4-core-names-no-adapter', 'proxy/asks.ts', '../embedders/openai.ts'],
  ['5-adapters-stand-alone', 'stores/redis.ts', './memory.ts'],
  ['5-adapters-stand-alone', 'stores/plain.ts', './sql.ts'],
  ['5-adapters-stand-alone', 'embedders/workers-ai.ts', './openai.ts'],
  ['5-adapters-stand-alone', 'stores/sqlite.ts', './memory.ts'],
  ['5-adapters-stand-alone', 'flag-sources/static.ts', '../flag/evaluate.ts'],
  ['5-adapters-stand-alone', 'exporters/statsd.ts', '../telemetry/log.ts'],
  ['5-adapters-stand-alone', 'exporters/loki.ts', './otel-spans.ts'],
  ['5-adapters-stand-alone', 'exporters/otel-logs.ts', './prometheus.ts'],
  ['5-adapters-stand-alone', 'transports/other.ts', '../proxy/scan.ts'],
  ['6-nothing-imports-an-entry', 'api/explain.ts', '../cli/client.ts'],
  ['6-nothing-imports-an-entry', 'proxy/shadow.ts', 'type ../demo/load.ts'],
  ['6-nothing-imports-an-entry', 'stores/durable-object.ts', '../rollout-object.ts'],
  ['6-nothing-imports-an-entry', 'config/parse.ts', '../node.ts'],
  ['6-nothing-imports-an-entry', 'worker.ts', './node.ts'],
  ['6-nothing-imports-an-entry', 'rollout-object.ts', './node.ts'],
  ['6-nothing-imports-an-entry', 'worker-flags.ts', './rollout-object.ts'],
  ['6-nothing-imports-an-entry', 'worker-runtime.ts', './worker-flags.ts'],
  ['6-nothing-imports-an-entry', 'demo/story.ts', '../node.ts'],
  ['6-nothing-imports-an-entry', 'cli/commands/doctor.ts', '../../node.ts'],
  ['6-nothing-imports-an-entry', 'cli/commands/demo.ts', '../../rollout-object.ts'],
  ['7-cli-speaks-http', 'cli/commands/status.ts', '../../rollout/controller.ts'],
  ['7-cli-speaks-http', 'cli/commands/events.ts', '../../stores/memory.ts'],
  ['7-cli-speaks-http', 'cli/commands/golden.ts', '../../eval/other.ts'],
  ['7-cli-speaks-http', 'cli/output.ts', '../headgate.ts'],
  ['8-dashboard-stands-alone', 'dashboard/api.ts', '../config/schema.ts'],
  ['8-dashboard-stands-alone', 'dashboard/words.ts', '../api/views/rollout.ts'],
  ['8-dashboard-stands-alone', 'dashboard/pairs.ts', '../compare/shape.ts'],
  ['8-dashboard-stands-alone', 'dashboard/golden.ts', '../eval/other.ts'],
  ['8-dashboard-stands-alone', 'dashboard/chart.ts', 'hono'],
  ['8-dashboard-stands-alone', 'dashboard/page.tsx', 'node:path'],
  ['9-node-at-the-rim', 'proxy/identify.ts', 'node:crypto'],
  ['9-node-at-the-rim', 'judge/replay.ts', 'fs'],
  ['9-node-at-the-rim', 'transports/portable.ts', 'type node:stream'],
  ['4-core-names-no-adapter', 'index.ts', './stores/memory.ts'],
  ['9-node-at-the-rim', 'headgate.ts', 'node:http'],
  ['9-portable-packages', 'proxy/failover.ts', 'undici'],
  ['5-unleash-is-a-language', 'unleash/follow.ts', '../rollout/plan.ts'],
  ['9-portable-packages', 'flag/poll.ts', 'unleash-client'],
  ['9-portable-packages', 'api/auth.ts', 'type commander'],
  ['9-node-helpers', 'flag-sources/unleash-fetch.ts', '../watch-file.ts'],
  ['9-node-helpers', 'cli/commands/flags.ts', '../../watch-file.ts'],
  ['9-node-helpers', 'api/stream.ts', '../load-config.ts'],
  ['9-node-helpers', 'transports/dial.ts', 'type ../load-config.ts'],
  ['10-cloudflare-at-the-rim', 'embedders/edge.ts', 'cloudflare:workers'],
  ['10-cloudflare-at-the-rim', 'node.ts', 'type cloudflare:workers'],
  ['11-pure-imports-pure', 'proxy/outcome.ts', './observe.ts'],
  ['11-pure-imports-pure', 'config/defaults.ts', 'type ../telemetry/log.ts'],
  ['12-no-cycles', 'cost/entry.ts', 'type ./ledger.ts'],
]

/** What the planted files need beside them. */
const BESIDE: Imports = {
  'api/views/rollout.ts': [],
  'cost/ledger.ts': ['type ./entry.ts'],
  'config/secret.ts': [],
  'exporters/prometheus.ts': [],
  'embedders/openai.ts': [],
}

function sourceOf(imports: readonly string[]): string {
  const lines = imports.map((one, index) => {
    const [kind, from] = one.startsWith('type ') ? ['import type', one.slice(5)] : ['import', one]
    return `${kind} * as a${index} from '${from}'\nexport type A${index} = typeof a${index}\n`
  })
  return `${lines.join('')}export const here = true\n`
}

function treeWith(sources: Imports): string {
  const files: Record<string, string> = {}
  for (const name of PACKAGES) files[`node_modules/${name}/index.js`] = ''
  files['node_modules/unleash-client/lib/client.js'] = ''
  for (const [path, imports] of Object.entries(sources)) files[`src/${path}`] = sourceOf(imports)
  return treeOf(files)
}

test('a tree that keeps every rule has no violation', async () => {
  const { modules, violations } = await layersOf(treeWith(LEGAL))
  expect(violations).toEqual([])
  expect(modules).toBe(Object.keys(LEGAL).length)
})

describe('a planted violation is found, under its rule alone', () => {
  const found = new Map<string, string[]>()

  beforeAll(async () => {
    const planted = PLANTED.map(([, file, imported]) => [file, [imported]] as const)
    const root = treeWith({ ...LEGAL, ...BESIDE, ...Object.fromEntries(planted) })
    for (const { rule, from } of (await layersOf(root)).violations) {
      found.set(from, [...(found.get(from) ?? []), rule])
    }
  })

  test.each(PLANTED)('%s: %s imports %s', (rule, file) => {
    expect(found.get(`src/${file}`)).toEqual([rule])
  })

  test('nothing else is accused', () => {
    expect([...found.keys()].sort()).toEqual(PLANTED.map(([, file]) => `src/${file}`).sort())
  })
})

test('the check fails when it has seen no module', () => {
  const root = treeOf({ 'src/README.md': '' })
  const script = join(ROOT, 'scripts/check-layers.ts')
  const run = spawnSync(process.execPath, [script, root], { encoding: 'utf8' })
  expect(run.stderr).toContain('no module was cruised')
  expect(run.status).toBe(1)
})
