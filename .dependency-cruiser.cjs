/**
 * The layers of ARCHITECTURE.md as rules. Each name starts with the number of its rule there.
 * The pure files are listed once, in biome.json: what may not read a clock may not import what does.
 */
const { readFileSync } = require('node:fs')
const { join } = require('node:path')

const biome = JSON.parse(readFileSync(join(__dirname, 'biome.json'), 'utf8'))
const PURE = biome.overrides
  .find((override) => override.linter?.rules?.style?.noRestrictedGlobals)
  .includes.filter((glob) => !glob.startsWith('!'))
  .map((glob) => `^${glob.replaceAll('.', '\\.').replace('**', '.+')}$`)

const NOUNS = '^src/(types|errors|ports)\\.ts$'
const SHELVES = '^src/(flag-sources|stores|embedders|exporters|transports)/'
/** What the stores on SQLite share; it is no adapter, and opens nothing. */
const SQL = '^src/stores/sql\\.ts$'
/** What `otel-node` is made of; no adapters by themselves. */
const OTEL_PARTS = '^src/exporters/otel-(spans|packed|found)\\.ts$'
/** What telemetry says, and how it is written. */
const TOLD =
  '^src/telemetry/(names|series|deltas|environment|metric-data|readable|sampler|span-bytes)\\.ts$'
const NODE_HELPERS = '^src/(watch-file|load-config|loop-turn|random-hex)\\.ts$'
/** What is spoken with a flag server or a provider, over a fetch or an object that is handed in. */
const UNLEASH = '^src/(unleash|openfeature)/'
/** How long to wait after a failure, for whoever sends. */
const BACKOFF = '^src/backoff\\.ts$'
/** Chunks as one run of bytes, for whoever reads a body; how much is let through, for whoever keeps what comes. */
const TOOLS = '^src/(joined|token-bucket)\\.ts$'
const ENTRIES =
  '^src/((node|node-doctor|node-flags|node-heap|node-page|node-write-back|worker|worker-(bindings|embedder|flags|handler|lazy|regex|runtime|telemetry)|rollout-object)\\.ts$|(cli|demo)/)'

/** Where Node itself, and packages that need it, may be named. */
const NODE_ONLY = [
  '^src/node(-doctor|-flags|-heap|-page|-write-back)?\\.ts$',
  NODE_HELPERS,
  '^src/(cli|demo)/',
  '^src/flag-sources/(file|unleash-(backup|usage))\\.ts$',
  '^src/stores/(sqlite|redis)\\.ts$',
  '^src/exporters/otel-(node|spans|packed|found)\\.ts$',
  '^src/transports/(node|listen)\\.ts$',
]

/** Packages that run in workerd as well as on Node; all others are held to the places above. */
const PORTABLE = [
  'cockatiel',
  'eventsource-parser',
  'hono',
  'hono-openapi',
  'microdiff',
  'pbf',
  're2js',
  'yaml',
  'zod',
  '@cloudflare/workers-types',
  '@hono/standard-validator',
  '@logtape/logtape',
  '@opentelemetry/(api|sdk-trace|sdk-metrics|exporter-(trace|metrics)-otlp-http|exporter-prometheus|otlp-transformer)',
  'unleash-client/lib/(client|strategy/index)\\.js$',
].map((name) => `node_modules/${name}${name.endsWith('$') ? '' : '/'}`)

const rule = (name, comment, from, to) => ({ name, comment, severity: 'error', from, to })

module.exports = {
  forbidden: [
    rule(
      '0-resolves',
      'An import that leads nowhere hides what is behind it from every other rule.',
      { path: '^src/' },
      { couldNotResolve: true, pathNot: '^(cloudflare:|headgate-(config|comparing)$)' },
    ),
    rule('1-types-import-nothing', 'types.ts imports nothing.', { path: '^src/types\\.ts$' }, {}),
    rule(
      '1-nouns-import-types',
      'ports.ts and errors.ts import types.ts and nothing else.',
      { path: '^src/(ports|errors)\\.ts$' },
      { pathNot: '^src/types\\.ts$' },
    ),
    rule(
      '2-judge-and-flag-stand-alone',
      'judge/ and flag/ import types.ts and themselves.',
      { path: '^src/(judge|flag)/' },
      { path: '^src/', pathNot: ['^src/types\\.ts$', '^src/$1/'] },
    ),
    rule(
      '2-comparison-stands-alone',
      'compare/ imports types.ts, what is on the wire, and itself; wire/ types.ts and itself.',
      { path: '^src/(compare|wire)/' },
      { path: '^src/', pathNot: ['^src/types\\.ts$', '^src/$1/', '^src/wire/'] },
    ),
    rule(
      '3-planes-apart',
      'The data plane does not know the control plane.',
      { path: '^src/proxy/' },
      { path: '^src/rollout/' },
    ),
    rule(
      '3-planes-apart',
      'The control plane does not know the data plane.',
      { path: '^src/rollout/' },
      { path: '^src/(proxy|compare)/' },
    ),
    rule(
      '4-core-names-no-adapter',
      'Entries choose adapters; the core knows ports.',
      { path: '^src/', pathNot: [SHELVES, ENTRIES, '^src/dashboard/', '^src/index\\.ts$'] },
      { path: SHELVES },
    ),
    rule(
      '4-core-names-no-adapter',
      'The library hands out the adapter that is made for what others bring; nothing more.',
      { path: '^src/index\\.ts$' },
      { path: SHELVES, pathNot: '^src/flag-sources/openfeature\\.ts$' },
    ),
    rule(
      '5-adapters-stand-alone',
      'An adapter imports the nouns and its vendor: no other adapter, no plane.',
      {
        path: SHELVES,
        pathNot: [
          '^src/(flag-sources|exporters)/',
          '^src/stores/(sqlite|durable-object)\\.ts$',
          '^src/embedders/(openai|workers-ai)\\.ts$',
        ],
      },
      { path: '^src/', pathNot: [NOUNS, UNLEASH, BACKOFF, TOOLS, ENTRIES, NODE_HELPERS] },
    ),
    rule(
      '5-adapters-stand-alone',
      'The stores on SQLite share their tables and statements.',
      { path: '^src/stores/(sqlite|durable-object)\\.ts$' },
      { path: '^src/', pathNot: [NOUNS, ENTRIES, NODE_HELPERS, SQL] },
    ),
    rule(
      '5-adapters-stand-alone',
      'Adapters of embeddings share what they send and what they take for vectors.',
      { path: '^src/embedders/(openai|workers-ai)\\.ts$' },
      { path: '^src/', pathNot: [NOUNS, ENTRIES, NODE_HELPERS, '^src/embedders/vectors\\.ts$'] },
    ),
    rule(
      '5-adapters-stand-alone',
      'An exporter besides writes what telemetry says: it knows its names and its numbers.',
      { path: '^src/exporters/', pathNot: '^src/exporters/otel-' },
      { path: '^src/', pathNot: [NOUNS, UNLEASH, BACKOFF, ENTRIES, NODE_HELPERS, TOLD] },
    ),
    rule(
      '5-adapters-stand-alone',
      'The exporter with OpenTelemetry’s SDK besides has parts, which are its own.',
      { path: '^src/exporters/otel-' },
      { path: '^src/', pathNot: [NOUNS, ENTRIES, NODE_HELPERS, OTEL_PARTS, TOLD] },
    ),
    rule(
      '5-adapters-stand-alone',
      'A flag source besides brings documents, and has to know one when it sees it.',
      { path: '^src/flag-sources/' },
      {
        path: '^src/',
        pathNot: [
          '^src/flag-sources/(listeners|kept-age)\\.ts$',
          NOUNS,
          UNLEASH,
          ENTRIES,
          NODE_HELPERS,
          '^src/flag/document\\.ts$',
        ],
      },
    ),
    rule(
      '5-unleash-is-a-language',
      'unleash/ speaks with a server about documents: it knows no plane, no adapter and no clock of its own.',
      { path: UNLEASH },
      { path: '^src/', pathNot: [NOUNS, UNLEASH, '^src/flag/'] },
    ),
    rule(
      '6-nothing-imports-an-entry',
      'Entries are started, not imported.',
      {
        path: '^src/',
        pathNot: [
          '^src/(cli|demo)/',
          '^src/(node|worker|worker-(embedder|flags|handler|lazy)|rollout-object)\\.ts$',
          '^src/dashboard/',
        ],
      },
      { path: ENTRIES },
    ),
    rule(
      '6-nothing-imports-an-entry',
      'node.ts is made of node-*.ts; nothing more.',
      { path: '^src/node\\.ts$' },
      { path: ENTRIES, pathNot: '^src/node-(doctor|flags|heap|page|write-back)\\.ts$' },
    ),
    rule(
      '6-nothing-imports-an-entry',
      'worker.ts re-exports the Durable Object, which wrangler looks for there, and is made of worker-*.ts; nothing more.',
      { path: '^src/worker\\.ts$' },
      { path: ENTRIES, pathNot: '^src/(rollout-object|worker-[a-z]+)\\.ts$' },
    ),
    rule(
      '6-nothing-imports-an-entry',
      'The Durable Object is made of worker-*.ts too.',
      { path: '^src/(rollout-object|worker-(embedder|flags|handler|lazy))\\.ts$' },
      { path: ENTRIES, pathNot: '^src/worker-[a-z]+\\.ts$' },
    ),
    rule(
      '6-nothing-imports-an-entry',
      'Of the CLI, only `serve` and `demo` start something, and `doctor` looks at what they would.',
      { path: '^src/cli/', pathNot: '^src/cli/commands/(serve|demo|doctor)\\.ts$' },
      { path: ENTRIES, pathNot: '^src/cli/' },
    ),
    rule(
      '6-nothing-imports-an-entry',
      '`serve` and `demo` run node.ts and demo/.',
      { path: '^src/cli/commands/(serve|demo)\\.ts$' },
      { path: ENTRIES, pathNot: ['^src/cli/', '^src/node\\.ts$', '^src/demo/'] },
    ),
    rule(
      '6-nothing-imports-an-entry',
      '`doctor` asks as node.ts would.',
      { path: '^src/cli/commands/doctor\\.ts$' },
      { path: ENTRIES, pathNot: ['^src/cli/', '^src/node-doctor\\.ts$'] },
    ),
    rule(
      '6-nothing-imports-an-entry',
      'The demo is handed what it runs on.',
      { path: '^src/demo/' },
      { path: ENTRIES, pathNot: '^src/demo/' },
    ),
    rule(
      '7-cli-speaks-http',
      'The CLI reads files with pure code and asks the API for the rest; eval/ask.ts and eval/grade.ts apart, over a fetch that is handed in.',
      { path: '^src/cli/' },
      {
        path: '^src/',
        pathNot: [NOUNS, UNLEASH, ...PURE, '^src/eval/(ask|grade)\\.ts$', ENTRIES, NODE_HELPERS],
      },
    ),
    rule(
      '8-dashboard-stands-alone',
      'The page imports types.ts, the types of what the API says, how two answers differ and become golden, and its libraries.',
      { path: '^src/dashboard/' },
      {
        pathNot: [
          '^src/dashboard/',
          '^src/types\\.ts$',
          '^src/api/views/',
          '^src/compare/(diff|json)\\.ts$',
          '^src/eval/golden-pair\\.ts$',
          'node_modules/(preact|@preact/signals|uplot)/',
        ],
      },
    ),
    rule(
      '8-dashboard-stands-alone',
      'Of what the API says the page takes the types: the schemas would bring zod along.',
      { path: '^src/dashboard/' },
      { path: '^src/api/views/', dependencyTypesNot: ['type-only'] },
    ),
    rule(
      '9-node-at-the-rim',
      'node:* only in node.ts, cli/, demo/ and the Node adapters.',
      { path: '^src/', pathNot: [...NODE_ONLY, NOUNS, '^src/dashboard/'] },
      { dependencyTypes: ['core'] },
    ),
    rule(
      '9-portable-packages',
      'A package of the core is known to run in workerd: prove it, then add it to PORTABLE.',
      { path: '^src/', pathNot: [...NODE_ONLY, NOUNS, '^src/dashboard/'] },
      { path: 'node_modules/', pathNot: PORTABLE },
    ),
    rule(
      '9-node-helpers',
      'watch-file.ts needs Node: flag-sources/file.ts and the entry use it.',
      { path: '^src/', pathNot: '^src/(node|node-flags|flag-sources/file)\\.ts$' },
      { path: '^src/watch-file\\.ts$' },
    ),
    rule(
      '9-node-helpers',
      'load-config.ts needs Node: the entry and cli/ use it.',
      { path: '^src/', pathNot: '^src/(node(-doctor|-flags|-write-back)?\\.ts$|cli/)' },
      { path: '^src/load-config\\.ts$' },
    ),
    rule(
      '10-cloudflare-at-the-rim',
      'cloudflare:* only in worker.ts and rollout-object.ts.',
      { path: '^src/', pathNot: '^src/(worker|rollout-object)\\.ts$' },
      { path: '^cloudflare:' },
    ),
    rule(
      '11-pure-imports-pure',
      'A pure file imports the nouns, pure files and data.',
      { path: PURE, pathNot: '^src/(judge|flag)/' },
      { path: '^src/', pathNot: [NOUNS, ...PURE, '\\.json$', SHELVES, ENTRIES, NODE_HELPERS] },
    ),
    rule('12-no-cycles', 'Types count.', { path: '^src/' }, { circular: true }),
  ],
  options: {
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'node', 'default'],
      extensions: ['.ts', '.tsx', '.d.ts', '.js', '.mjs', '.cjs', '.json'],
    },
  },
}
