import { readFileSync } from 'node:fs'
import { shownPath } from '../../load-config.ts'
import { neededOf } from '../../unleash/difference.ts'
import { pulledText } from '../../unleash/pulled.ts'
import type { Action } from '../command.ts'
import { EXIT } from '../exit.ts'
import { Failure } from '../failure.ts'
import { type FlagPlaceOptions, flagPlace, leftOut, replaceFile } from '../flag-place.ts'
import { plural } from '../format.ts'

/** `headgate flags pull`: from the server into the file, which is replaced whole or stays. */

export interface FlagsPullOptions extends FlagPlaceOptions {
  readonly all?: true
  readonly dryRun?: true
}

export const run: Action<FlagsPullOptions> = async (options, context) => {
  const { output } = context
  const place = flagPlace(options, context)
  const file = place.file()
  const { source, document, left } = await place.ask(options.all)
  const remark = leftOut(left)
  if (remark !== null) output.say(remark)
  const missing = place.uses.filter(({ flag }) =>
    document.features.every(({ name }) => name !== flag),
  )
  if (missing.length > 0) {
    const names = [...new Set(missing.map(({ flag }) => `"${flag}"`))].join(', ')
    throw new Failure(
      EXIT.failed,
      `${source} has no flag ${names}: is the token for the right project and environment?`,
      `${shownPath(file)} is as it was.`,
    )
  }
  const pulled = options.all ? document : neededOf(document, place.uses)
  const text = pulledText(pulled)
  const changed = text !== textIn(file)
  if (changed && !options.dryRun) replaceFile(file, text)
  const flags = pulled.features.map(({ name }) => name).toSorted()
  const written = changed && !options.dryRun
  output.document({ ok: true, source, file: shownPath(file), changed, written, flags })
  if (options.dryRun && changed) output.line(text.trimEnd())
  else {
    const what = plural(flags.length, 'flag')
    output.line(`${shownPath(file)}  ${changed ? 'written' : 'is the same'}, ${what} of ${source}`)
  }
  return EXIT.ok
}

function textIn(file: string): string | null {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return null
  }
}
