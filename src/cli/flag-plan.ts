import { shownPath } from '../load-config.ts'
import type { UnleashAdmin } from '../unleash/admin.ts'
import { type Difference, differenceOf, neededOf } from '../unleash/difference.ts'
import { readServer } from '../unleash/push.ts'
import type { Context } from './command.ts'
import { EXIT } from './exit.ts'
import { Failure } from './failure.ts'
import { documentIn, type FlagPlaceOptions, flagPlace, refuse } from './flag-place.ts'
import type { Output } from './output.ts'

/** What a push would write, for `push` and for `diff`. */

export interface FlagPlanOptions extends FlagPlaceOptions {
  readonly all?: true
}

export interface FlagPlan {
  readonly admin: UnleashAdmin
  /** For people. */
  readonly from: string
  readonly to: string
  /** Read anew. @throws {Failure} for what cannot be read, and for what cannot be carried */
  difference(): Promise<Extract<Difference, { ok: true }>>
}

/** @throws {Failure} */
export function flagPlan(options: FlagPlanOptions, context: Context): FlagPlan {
  const place = flagPlace(options, context)
  const file = place.file()
  const whole = documentIn(file)
  const document = options.all ? whole : neededOf(whole, place.uses)
  const { admin, to } = place.admin()
  return {
    admin,
    from: shownPath(file),
    to,
    async difference() {
      const server = await readServer(admin, document)
      if (server.kind !== 'ok') return refuse(server)
      const names = new Set(document.features.map(({ name }) => name))
      const missing = place.uses.find(({ flag }) => !names.has(flag))
      if (missing !== undefined && !options.all) {
        const { rollout, flag } = missing
        const message = `${shownPath(file)} has no flag "${flag}", which ${rollout} follows`
        throw new Failure(EXIT.invalid, message, 'Nothing was written.')
      }
      const found = differenceOf(document, server.value, place.uses)
      if (found.ok) return found
      const [first, ...others] = found.refusals
      const fix = [...others, 'Nothing was written.'].join('\n')
      throw new Failure(EXIT.invalid, `${first}`, fix)
    },
  }
}

export function printChanges(
  output: Output,
  { changes, raises }: Extract<Difference, { ok: true }>,
): void {
  for (const { words } of changes) {
    const style = words.startsWith('+') ? 'green' : words.startsWith('-') ? 'red' : 'yellow'
    output.line(output.paint(style, words))
  }
  for (const raise of raises) output.line(output.paint('yellow', `raises   ${raise}`))
}
