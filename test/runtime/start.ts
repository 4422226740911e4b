import { onTestFinished } from 'vitest'
import { type Gateway, type GatewayOptions, startGateway } from '../fakes/gateway.ts'

/** A gateway that is closed when the test that asked for it has finished. */
export async function start(options: GatewayOptions): Promise<Gateway> {
  const gateway = await startGateway(options)
  onTestFinished(gateway.close)
  return gateway
}

/** Closes what a test made when it has finished. */
export async function closing<Thing extends { close(): Promise<void> }>(
  making: Promise<Thing>,
): Promise<Thing> {
  const thing = await making
  onTestFinished(() => thing.close())
  return thing
}
