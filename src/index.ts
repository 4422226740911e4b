/** The library's public door: both planes as Hono apps, to be composed with a transport, a clock and sources. */
export {
  type OpenFeatureFlagOptions,
  type OpenFeatureFlagSource,
  openFeatureFlagSource,
} from './flag-sources/openfeature.ts'
export type { Headgate, Parts, Reload } from './headgate/parts.ts'
export { createHeadgate } from './headgate.ts'
export type * from './ports.ts'
export type { Door } from './proxy/app.ts'
export type * from './types.ts'
