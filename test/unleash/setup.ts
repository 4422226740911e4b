import type { TestProject } from 'vitest/node'
import { startPostgres, startUnleash, type UnleashPlace } from './start.ts'

/** One Unleash for all test files of the project: each makes flags of its own names. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await startPostgres()
  const unleash = await startUnleash(postgres.url, 'unleash')
  const { url, admin, tokens } = unleash
  project.provide('unleash', { url, admin, tokens, postgres: postgres.url })
  return async () => {
    await unleash.stop()
    await postgres.stop()
  }
}

declare module 'vitest' {
  interface ProvidedContext {
    unleash: UnleashPlace
  }
}
