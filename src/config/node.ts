import type { Finding } from './fault.ts'
import type { Config } from './schema.ts'

/** What a configuration names that only Workers have. */
export function nodeFaults({ embeddings }: Config): Finding[] {
  if (embeddings === undefined || !('workersAi' in embeddings)) return []
  return [
    {
      path: ['embeddings', 'workersAi'],
      message: `is the Worker binding ${embeddings.workersAi.binding}, which Node does not have`,
      suggestion:
        'write embeddings.baseUrl and embeddings.model, of any place that has /embeddings',
    },
  ]
}
