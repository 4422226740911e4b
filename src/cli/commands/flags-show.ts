import { adviseOn } from '../../flag/check.ts'
import { killedBy, ruleOf } from '../../flag/evaluate.ts'
import { shownPath } from '../../load-config.ts'
import type { Action } from '../command.ts'
import { EXIT } from '../exit.ts'
import { documentIn, type FlagPlaceOptions, flagPlace, leftOut } from '../flag-place.ts'
import { percentText } from '../format.ts'

/** `headgate flags show`: what each rollout's flag and kill flag say, where `serve` reads them or in a file. */

export type FlagsShowOptions = FlagPlaceOptions

export const run: Action<FlagsShowOptions> = async (options, context) => {
  const { output } = context
  const place = flagPlace(options, context)
  const { source, document, left } =
    place.from === 'server' ? await place.ask() : inFile(place.file())
  const remark = leftOut(left)
  if (remark !== null) output.say(remark)
  const rollouts = place.uses.map((use) => {
    const rule = ruleOf(document, use.flag, use.groupId)
    const killed = killedBy(document, use.kill)
    const percent =
      killed || rule.kind === 'off' ? 0 : rule.kind === 'ceiling' ? rule.shareBp / 100 : null
    const { rollout: name, flag, kill, groupId } = use
    return {
      name,
      flag,
      kill,
      groupId,
      kind: rule.kind,
      percent,
      killed,
      advice: adviseOn(document, { ...use, properties: place.properties }),
    }
  })
  output.document({ ok: true, source, rollouts })
  output.line(`flags    ${source}`)
  const width = Math.max(0, ...rollouts.map(({ name }) => name.length))
  for (const { name, flag, kill, kind, percent, killed, advice } of rollouts) {
    const says = percent === null ? 'decides request by request' : percentText(percent)
    const why = killed ? `, killed by ${kill}` : kind === 'off' ? ', off' : ''
    output.line(`${name.padEnd(width)}  ${flag}  ${says}${why}`)
    for (const one of advice) output.line(`  ${output.paint('yellow', `note: ${one}`)}`)
  }
  return EXIT.ok
}

function inFile(file: string) {
  return { source: `file:${shownPath(file)}`, document: documentIn(file), left: [] }
}
