import { Fault } from './config/fault.ts'
import { applyOverrides } from './config/overrides.ts'
import { parseConfig } from './config/parse.ts'
import type { Config } from './config/schema.ts'
import type { Secret } from './config/secret.ts'
import { type Reveal, resolveSecrets, type SecretReader } from './config/secrets.ts'
import { unboundFaults, workersFaults } from './config/workers.ts'
import { type Pricing, pricingOf } from './cost/pricing.ts'
import { HeadgateError } from './errors.ts'
import { type FlagDocument, parseDocument } from './flag/document.ts'
import { type Routes, routesOf } from './proxy/routes.ts'

/** The configuration of a Worker, from text, and the values that its bindings have. */

export interface EdgeFiles {
  /** The name that faults carry. */
  readonly file: string
  /** `headgate.yaml` as JSON: a Worker reads no YAML. */
  readonly config: string
  /** A document that `flags.file` may name. */
  readonly flags: { readonly file: string; readonly text: string } | null
}

/** Secrets and variables by name; what is no text is something else. */
export type EdgeEnv = Readonly<Record<string, unknown>>

export interface EdgeConfig {
  readonly config: Config
  readonly routes: Routes
  readonly pricing: Pricing
  readonly reveal: Reveal
  /** Null where there is no control plane. */
  readonly controlToken: Secret | null
  /** Null where there is none. */
  readonly viewerToken: Secret | null
  /** Null where flags come from a server, or from nowhere. */
  readonly flags: FlagDocument | null
}

/** @throws {HeadgateError} `config_invalid`, with every fault; none holds a secret */
export function edgeConfigOf({ file, config: text, flags }: EdgeFiles, env: EdgeEnv): EdgeConfig {
  const parsed = parseConfig(text, { file, env })
  if (!parsed.ok) throw invalid(parsed.faults)
  const { config, faults } = applyOverrides(parsed.config, env)
  const read = readerOf(env)
  const findings = [...faults, ...workersFaults(config, read), ...unboundFaults(config, env)]
  if (findings.length > 0) {
    throw invalid(findings.map((finding) => new Fault(parsed.locate(finding.path), finding)))
  }
  const resolved = resolveSecrets(config, read, 'workers')
  if (!resolved.ok) {
    throw invalid(
      resolved.findings.map((finding) => new Fault(parsed.locate(finding.path), finding)),
    )
  }
  const { reveal } = resolved
  const { control } = config
  return {
    config,
    routes: routesOf(config, reveal),
    pricing: pricingOf(config, null),
    reveal,
    controlToken: control === undefined ? null : reveal(control.token),
    viewerToken: control?.viewer === undefined ? null : reveal(control.viewer),
    flags: flagsOf(config, flags),
  }
}

/** Only these rollouts. */
export function narrowed(routes: Routes, rollout: string): Routes {
  const one = routes.rollouts.get(rollout)
  return { ...routes, rollouts: new Map(one === undefined ? [] : [[rollout, one]]) }
}

/** A document that is missing or damaged is no flags, which means control; it was said at the build. */
function flagsOf(config: Config, flags: EdgeFiles['flags']): FlagDocument | null {
  const named = config.flags !== undefined && 'file' in config.flags ? config.flags.file : null
  if (flags === null || flags.file !== named) return null
  const parsed = parseDocument(flags.text)
  return parsed.ok ? parsed.document : null
}

/** What a Worker is bound to, by reference. */
export function readerOf(env: EdgeEnv): SecretReader {
  return (ref) => {
    const value = 'binding' in ref ? env[ref.binding] : 'env' in ref ? env[ref.env] : undefined
    return typeof value === 'string' ? value : undefined
  }
}

function invalid(faults: readonly Fault[]): HeadgateError {
  return new HeadgateError('config_invalid', faults.map(String).join('\n'))
}
