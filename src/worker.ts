import { workerHandler } from './worker-handler.ts'

/** ENTRY: Headgate on Cloudflare Workers, as wrangler.toml deploys it. */

export { RolloutObject } from './rollout-object.ts'

export default workerHandler()
