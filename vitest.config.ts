import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'

// The tests need no network: not for workerd's `cf` object, not for metrics, not for news of a newer wrangler.
process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= 'false'
process.env.WRANGLER_SEND_METRICS ??= 'false'
process.env.WRANGLER_HIDE_BANNER ??= 'true'

const report = process.env.TEST_REPORT

export default defineConfig({
  test: {
    // Most tests wait on sockets: two at a time also on two cores.
    maxWorkers: 2,
    reporters: report ? ['default', ['json', { outputFile: report }]] : ['default'],
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/workers/**', 'test/edge/**', 'test/unleash/**', 'test/dashboard/**'],
          testTimeout: 20_000,
        },
      },
      {
        test: {
          name: 'page',
          include: ['test/dashboard/*.test.ts'],
          globalSetup: ['test/dashboard/build.ts'],
          testTimeout: 30_000,
        },
      },
      {
        test: {
          name: 'unleash',
          include: ['test/unleash/*.test.ts'],
          globalSetup: ['test/unleash/setup.ts'],
          testTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'edge',
          include: ['test/edge/*.test.ts', 'test/runtime/*.test.ts'],
          // Of these nothing holds in workerd on one machine (ARCHITECTURE.md, "What differs at the edge"), or all needs a clock of the test's.
          exclude: ['test/runtime/{front-door,leaving,questions}.test.ts'],
          env: { HEADGATE_TRANSPORT: 'worker' },
          globalSetup: ['test/edge/bundle.ts'],
          testTimeout: 20_000,
        },
      },
      {
        plugins: [
          cloudflareTest({
            main: 'test/workers/objects.ts',
            miniflare: {
              compatibilityDate: '2026-10-01',
              compatibilityFlags: ['nodejs_compat'],
              durableObjects: { STORAGE: { className: 'StorageObject', useSQLite: true } },
            },
          }),
        ],
        test: {
          name: 'workers',
          include: ['test/workers/**/*.test.ts'],
          testTimeout: 20_000,
        },
      },
    ],
  },
})
