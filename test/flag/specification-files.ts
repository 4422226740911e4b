/** The client specification's files, but for its deltas, which Headgate never reads; on Node and in workerd alike. */
import simpleExamples from '@unleash/client-specification/specifications/01-simple-examples.json' with {
  type: 'json',
}
import userWithIdStrategy from '@unleash/client-specification/specifications/02-user-with-id-strategy.json' with {
  type: 'json',
}
import gradualRolloutUserIdStrategy from '@unleash/client-specification/specifications/03-gradual-rollout-user-id-strategy.json' with {
  type: 'json',
}
import gradualRolloutSessionIdStrategy from '@unleash/client-specification/specifications/04-gradual-rollout-session-id-strategy.json' with {
  type: 'json',
}
import gradualRolloutRandomStrategy from '@unleash/client-specification/specifications/05-gradual-rollout-random-strategy.json' with {
  type: 'json',
}
import remoteAddressStrategy from '@unleash/client-specification/specifications/06-remote-address-strategy.json' with {
  type: 'json',
}
import multipleStrategies from '@unleash/client-specification/specifications/07-multiple-strategies.json' with {
  type: 'json',
}
import variants from '@unleash/client-specification/specifications/08-variants.json' with {
  type: 'json',
}
import strategyConstraints from '@unleash/client-specification/specifications/09-strategy-constraints.json' with {
  type: 'json',
}
import flexibleRolloutStrategy from '@unleash/client-specification/specifications/10-flexible-rollout-strategy.json' with {
  type: 'json',
}
import strategyConstraintsEdgeCases from '@unleash/client-specification/specifications/11-strategy-constraints-edge-cases.json' with {
  type: 'json',
}
import customStickiness from '@unleash/client-specification/specifications/12-custom-stickiness.json' with {
  type: 'json',
}
import constraintOperators from '@unleash/client-specification/specifications/13-constraint-operators.json' with {
  type: 'json',
}
import constraintSemverOperators from '@unleash/client-specification/specifications/14-constraint-semver-operators.json' with {
  type: 'json',
}
import globalConstraints from '@unleash/client-specification/specifications/15-global-constraints.json' with {
  type: 'json',
}
import strategyVariants from '@unleash/client-specification/specifications/16-strategy-variants.json' with {
  type: 'json',
}
import dependentFeatures from '@unleash/client-specification/specifications/17-dependent-features.json' with {
  type: 'json',
}
import utf8FlagNames from '@unleash/client-specification/specifications/18-utf8-flag-names.json' with {
  type: 'json',
}
import regexConstraintOperators from '@unleash/client-specification/specifications/21-regex-constraint-operators.json' with {
  type: 'json',
}
import cidrConstraintOperators from '@unleash/client-specification/specifications/22-cidr-constraint-operators.json' with {
  type: 'json',
}
import type { SpecificationFile } from './specification.ts'

/** How many cases they hold, in version 6.1.0. */
export const SPECIFICATION_CASES = 275

export const SPECIFICATION_FILES = [
  simpleExamples,
  userWithIdStrategy,
  gradualRolloutUserIdStrategy,
  gradualRolloutSessionIdStrategy,
  gradualRolloutRandomStrategy,
  remoteAddressStrategy,
  multipleStrategies,
  variants,
  strategyConstraints,
  flexibleRolloutStrategy,
  strategyConstraintsEdgeCases,
  customStickiness,
  constraintOperators,
  constraintSemverOperators,
  globalConstraints,
  strategyVariants,
  dependentFeatures,
  utf8FlagNames,
  regexConstraintOperators,
  cidrConstraintOperators,
] as unknown as readonly SpecificationFile[]
