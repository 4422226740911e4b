import * as z from 'zod'
import { flagSource } from './schema/flags.ts'
import { caller, controlPlane, server, state, webhook } from './schema/listeners.ts'
import { rollout } from './schema/rollout.ts'
import { embeddings } from './schema/shadow.ts'
import { classes, upstream } from './schema/upstream.ts'
import { name } from './schema/values.ts'

/** START HERE: `headgate.yaml`, as a schema: the JSON Schema in `schema/` and every default come from here. */

export const configSchema = z
  .strictObject({
    $schema: z.string().optional(),
    version: z.literal(1),
    server,
    control: controlPlane
      .optional()
      .describe('The control plane. Absent, it is on only where HEADGATE_TOKEN is set.'),
    state,
    upstreams: z
      .record(name, upstream)
      .refine((all) => Object.keys(all).length > 0, 'must name at least one upstream')
      .describe('Places requests are sent, by name.'),
    default: z
      .strictObject({ openai: name.optional(), anthropic: name.optional() })
      .prefault({})
      .describe('Where requests go that no rollout matches; the control of the first rollout.'),
    classes: classes.prefault({}).describe('Timeouts by class, for every upstream.'),
    flags: flagSource.optional(),
    rollouts: z.record(name, rollout).prefault({}),
    callers: z.array(caller).default([]).describe('Who may use the data plane.'),
    prices: z
      .string()
      .min(1)
      .optional()
      .describe(
        'A file of official prices that go before the built-in ones, YAML or JSON; seen from the folder of this file.',
      ),
    embeddings: embeddings
      .optional()
      .describe(
        'Who makes vectors of what both arms answered, in OpenAI’s format or over a binding of Workers AI: it gets these texts. Without it similarity is lexical.',
      ),
    webhooks: z.array(webhook).default([]).describe('Who is told when a rollout changes.'),
  })
  .meta({ title: 'headgate.yaml', description: 'Configuration of Headgate, version 1.' })

/** The configuration with every default filled in, durations in ms, sizes in bytes, shares in basis points. */
export type Config = z.output<typeof configSchema>

export type UpstreamConfig = Config['upstreams'][string]

export type RolloutConfig = Config['rollouts'][string]

export type EmbeddingsConfig = NonNullable<Config['embeddings']>

export type ShadowConfig = NonNullable<RolloutConfig['shadow']>
