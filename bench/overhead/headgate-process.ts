import { startNode } from '../../src/node.ts'
import { keepRequestsYoung } from '../../src/node-heap.ts'

/** PROCESS: Headgate as `headgate serve` runs it. Arguments: its configuration file. */

const silent = (): void => {}
keepRequestsYoung()
const running = await startNode({
  configFile: process.argv[2] ?? 'headgate.yaml',
  env: process.env,
  log: { info: silent, warn: console.warn, error: console.error },
})
process.on('disconnect', () => process.exit())
// At once: what was to be measured has been.
process.on('SIGTERM', () => process.exit())
process.send?.({ port: Number(new URL(running.dataUrl).port) })
