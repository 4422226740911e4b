import type { Hono } from 'hono'
import { described } from './openapi.ts'
import type { ControlPlane } from './plane.ts'
import { refusal } from './refusal.ts'
import { checksView } from './views/checks.ts'

/** What `headgate doctor` would say here, for the page. */

export function checkRoutes(app: Hono, plane: ControlPlane): void {
  app.get(
    '/-/api/v1/checks',
    described({
      summary: 'What doctor says of this configuration, from here',
      description:
        'Asks every upstream, with its own key: for the operator alone. A round is kept for ten seconds; who asks while one runs gets that.',
      answer: checksView,
      refuses: [403, 404],
    }),
    async (context) => {
      if (context.get('role') !== 'operator') {
        const message =
          'This token (control.viewer in headgate.yaml) starts no checks: use control.token.'
        return refusal(context, 403, 'forbidden', message)
      }
      const round = await plane.checks()
      if (round === null) return refusal(context, 404, 'not_found', 'There are no checks here.')
      return context.json(round)
    },
  )
}
