import { DurableObject } from 'cloudflare:workers'

/** An object that is nothing but its storage. */
export class StorageObject extends DurableObject {}

export default { fetch: () => new Response(null, { status: 404 }) }
