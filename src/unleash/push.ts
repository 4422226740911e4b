import type { FlagDocument } from '../flag/document.ts'
import type { AdminAnswer, AdminFlag, UnleashAdmin } from './admin.ts'
import type { Change, Server } from './difference.ts'

/** Reads what a difference is made of, and writes one down. */

/** As many asks as the document has flags, and two. A flag that is missing is left out; any other failure is the answer. */
export async function readServer(
  admin: UnleashAdmin,
  document: FlagDocument,
): Promise<AdminAnswer<Server>> {
  const strategyNames = await admin.strategyNames()
  if (strategyNames.kind !== 'ok') return strategyNames
  const segments = await admin.segments()
  if (segments.kind !== 'ok') return segments
  const flags = new Map<string, AdminFlag>()
  for (const { name } of document.features) {
    const flag = await admin.flag(name)
    if (flag.kind === 'ok') flags.set(name, flag.value)
    else if (flag.kind !== 'missing') return flag
  }
  const value = { flags, segments: segments.value, strategyNames: strategyNames.value }
  return { kind: 'ok', value }
}

/** The change that failed, and all before it are written; the difference is then what is left. */
export interface Broken {
  readonly change: Change
  readonly answer: Exclude<AdminAnswer<unknown>, { kind: 'ok' }>
}

/**
 * One after the other, until one fails.
 * @param segmentIds as the difference has them
 * @param onDone told of each change that is written
 * @returns null when all are written
 */
export async function write(
  admin: UnleashAdmin,
  changes: readonly Change[],
  segmentIds: ReadonlyMap<number, number>,
  onDone: (change: Change) => void,
): Promise<Broken | null> {
  const ids = new Map(segmentIds)
  for (const change of changes) {
    const answer = await writeOne(admin, change, ids)
    if (answer.kind !== 'ok') return { change, answer }
    onDone(change)
  }
  return null
}

/** @param ids grows by each segment that is made */
async function writeOne(
  admin: UnleashAdmin,
  change: Change,
  ids: Map<number, number>,
): Promise<AdminAnswer<unknown>> {
  switch (change.kind) {
    case 'create_segment': {
      const made = await admin.createSegment(change.body)
      if (made.kind === 'ok') ids.set(change.id, made.value)
      return made
    }
    case 'update_segment':
      return admin.updateSegment(change.id, change.body)
    case 'create_flag':
      return admin.createFlag(change.flag, change.head)
    case 'update_flag':
      return admin.updateFlag(change.flag, change.head)
    case 'add_strategy':
      return admin.addStrategy(change.flag, withIds(change.body, ids))
    case 'update_strategy':
      return admin.updateStrategy(change.flag, change.id, withIds(change.body, ids))
    case 'remove_strategy':
      return admin.removeStrategy(change.flag, change.id)
    case 'add_parent':
      return admin.addParent(change.flag, change.parent)
    case 'remove_parent':
      return admin.removeParent(change.flag, change.parent)
    case 'turn_on':
      return admin.turnOn(change.flag)
    case 'turn_off':
      return admin.turnOff(change.flag)
  }
}

function withIds<Body extends { readonly segments: readonly number[] }>(
  body: Body,
  ids: ReadonlyMap<number, number>,
): Body {
  return { ...body, segments: body.segments.map((id) => ids.get(id) ?? id) }
}
