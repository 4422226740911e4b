import type { Assignment, FlagContext } from '../types.ts'
import { assign } from './assign.ts'
import { encodeUnit } from './bucket.ts'
import { endpointOf } from './endpoint.ts'
import type { Gate } from './gate.ts'
import { takesModel } from './identify.ts'
import type { KnownCaller, Rollout, Routes, Upstream } from './routes.ts'

/**
 * Which arm a request would go to, for somebody who sends none: the same assignment, from what is known of the request.
 * Nothing of it is counted. What only a request can say (headers, tools, images, state of an upstream) is not asked.
 */

export interface Question {
  /** As a caller would send it; not empty. */
  readonly unit: string
  /**
   * What a flag may ask: `model`, `stream`, `class`, `path`, `caller` and what config maps; others mean nothing. `model`, `path`
   * and `caller` also say whether the rollout takes the request at all.
   */
  readonly properties: Readonly<Record<string, string>>
}

export interface Foretold extends Assignment {
  /** Null while nothing is known of the rollout. */
  readonly split: { readonly epoch: number; readonly version: number } | null
}

/** @returns null when there is no rollout of this name */
export function foretell(gate: Gate, name: string, question: Question): Foretold | null {
  const routes = gate.routes()
  const rollout = routes.rollouts.get(name)
  if (rollout === undefined) return null
  const splits = gate.splits()
  const nowMs = gate.clock.monotonicMs()
  const caller = callerOf(routes, question.properties['caller'])
  const unit = encodeUnit(caller?.unitIsCaller === true ? caller.name : question.unit)
  const assignment = assign(
    {
      rollout: isMatched(routes, rollout, question) ? name : null,
      unit,
      bound: false,
      owner: null,
      excluded: isExcluded(rollout, question, caller),
      forced: null,
      hold: gate.cooldowns.isCooling(name, nowMs)
        ? 'cooldown'
        : gate.spent.has(name) || isFull(gate, rollout.canary)
          ? 'capped'
          : null,
      crowded: false,
      context: () => ({ unit, properties: propertiesOf(routes, rollout, caller, question) }),
    },
    splits,
    nowMs,
  )
  const split = splits?.byRollout.get(name)
  return {
    ...assignment,
    split: split === undefined ? null : { epoch: split.epoch, version: split.version },
  }
}

/** The first that matches takes the request. One before it that wants a header, or a model that is not said, is passed by. */
function isMatched({ byPath }: Routes, rollout: Rollout, { properties }: Question): boolean {
  const { path = rollout.config.match.paths[0] ?? '', model } = properties
  const taker = byPath.get(path)?.find((each) => {
    const { models, headers } = each.config.match
    if (each !== rollout && headers !== undefined) return false
    if (models === undefined) return true
    return model === undefined ? each === rollout : models.includes(model)
  })
  return taker === rollout
}

function isExcluded(rollout: Rollout, question: Question, caller: KnownCaller | null): boolean {
  const { model } = question.properties
  if (caller?.rollouts != null && !caller.rollouts.has(rollout.name)) return true
  return model !== undefined && !takesModel(rollout, model)
}

function callerOf({ callers }: Routes, name: string | undefined): KnownCaller | null {
  if (callers === null || name === undefined) return null
  return [...callers.values()].find((caller) => caller.name === name) ?? null
}

/** No request, no tokens: only the places are looked at. */
function isFull(gate: Gate, { name, limits }: Upstream): boolean {
  return limits !== null && !gate.upstreamLimits.of(name, limits).hasRoom(0)
}

/**
 * What is not said is what a plain request to the rollout's first path would have; what Headgate says nobody else does, and
 * what no request could say is left out.
 */
function propertiesOf(
  { flagContext: { appName, environment, mapped } }: Routes,
  { name, config }: Rollout,
  caller: KnownCaller | null,
  { properties }: Question,
): FlagContext['properties'] {
  const path = properties['path'] ?? config.match.paths[0] ?? ''
  const { dialect } = endpointOf('POST', path, false)
  const said = mapped.flatMap(([property]) => {
    const value = properties[property]
    return value === undefined ? [] : [[property, value]]
  })
  return {
    model: properties['model'] ?? '',
    dialect,
    path,
    stream: properties['stream'] ?? 'false',
    class: properties['class'] ?? '',
    caller: caller?.name ?? '',
    rollout: name,
    appName,
    environment,
    ...Object.fromEntries(said),
  }
}
