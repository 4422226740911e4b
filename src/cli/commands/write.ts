import { userInfo } from 'node:os'
import { percent as percentSchema } from '../../config/schema/values.ts'
import { HeadgateError } from '../../errors.ts'
import type { ControlClient, WriteVerb } from '../client.ts'
import { type Action, type Context, mayAsk } from '../command.ts'
import { type ConnectOptions, connect } from '../connect.ts'
import { EXIT } from '../exit.ts'
import { Failure } from '../failure.ts'
import { percentText } from '../format.ts'
import { nextText, standingText } from '../status-text.ts'

/** `headgate start`, `set`, `pause` and the other verbs that change a rollout: by somebody, for a reason. */

export interface WriteOptions extends ConnectOptions {
  readonly verb: WriteVerb
  readonly rollout: string
  readonly share?: string | undefined
  readonly to?: string
  readonly by?: string
  readonly reason?: string
  readonly ifVersion?: number
  readonly yes?: true
  readonly dryRun?: true
}

export const run: Action<WriteOptions> = async (options, context) => {
  try {
    return await write(options, context)
  } catch (error) {
    if (isBrake(options) && error instanceof HeadgateError) {
      context.output.say(
        'Without the control plane the kill flag (headgate-kill) stops the canary too, and HEADGATE_KILL=1 from the start of a process.',
      )
    }
    throw error
  }
}

function isBrake({ verb }: WriteOptions): boolean {
  return verb === 'pause' || verb === 'rollback'
}

async function write(options: WriteOptions, context: Context): Promise<number> {
  const { verb, rollout, ifVersion: version } = options
  const { output, self } = context
  const percent = verb === 'set' ? percentOf(options, context) : undefined
  const by = authorOf(options, context)
  const client = connect(options, context)
  if (options.dryRun) return sayOnly(options, { by, percent }, client, context)
  const reason = await reasonOf(options, context)
  if (reason === null || !(await isConfirmed(options, context))) {
    output.fail('stopped: nothing was changed', '')
    return EXIT.interrupted
  }
  const now = await client.write(rollout, verb, { by, reason, version, percent })
  output.document({ ok: true, rollout: now })
  output.line(`${now.name}: ${standingText(now)}`)
  output.line(`next: ${nextText(now, self)}`)
  return EXIT.ok
}

/** Where it stands, and what would be asked of it: the control plane is only read. */
async function sayOnly(
  { verb, rollout, reason = '', ifVersion }: WriteOptions,
  { by, percent }: { readonly by: string; readonly percent: number | undefined },
  client: ControlClient,
  { output }: Context,
): Promise<number> {
  const now = await client.rollout(rollout)
  const fits = ifVersion === undefined || ifVersion === now.version
  const write = { verb, by, reason, version: ifVersion, percent }
  output.document({ ok: fits, dryRun: true, write, rollout: now })
  output.line(`${now.name}: ${standingText(now)}`)
  const what = percent === undefined ? verb : `${verb} ${percentText(percent)}`
  output.line(`would be asked: ${what}, by ${by}${reason === '' ? '' : `: ${reason}`}`)
  output.line(
    fits
      ? 'nothing was changed'
      : `it would be refused: it is at version ${now.version}, not ${ifVersion}. Nothing was changed`,
  )
  return fits ? EXIT.ok : EXIT.refused
}

function percentOf({ share, to }: WriteOptions, { self }: Context): number {
  const given = [share, to].filter((text) => text !== undefined)
  const example = `For example: ${self} set relay 5% --reason WHY`
  const [text, other] = given
  if (text === undefined || other !== undefined) {
    const message = text === undefined ? 'set to which share?' : 'one share, not two'
    throw new Failure(EXIT.usage, message, example)
  }
  const parsed = percentSchema.safeParse(text.replace(/\s+%$/, '%'))
  if (parsed.success) return parsed.data / 100
  const message = `the share must be a percentage in 0%..100%, to 0.01%, such as 5% or 0.5%, got ${text}`
  throw new Failure(EXIT.usage, message, example)
}

function authorOf(options: WriteOptions, { env, self }: Context): string {
  const author = options.by ?? (env['HEADGATE_BY'] || userName())
  // A brake works for whoever pulls it: the log says that they gave no name.
  if (author.trim() !== '' || isBrake(options)) return author
  throw new Failure(
    EXIT.usage,
    'say who you are: --by NAME, or HEADGATE_BY',
    `Run ${self} ${options.verb} --help for examples.`,
  )
}

/** Empty for a user id that no file names, as containers have them. */
function userName(): string {
  try {
    return userInfo().username
  } catch {
    return ''
  }
}

/** Null when the person stopped. */
async function reasonOf(options: WriteOptions, context: Context): Promise<string | null> {
  const { verb, rollout, reason } = options
  if (isBrake(options)) return reason ?? ''
  if (reason !== undefined && reason.trim() !== '') return reason
  if (reason !== undefined || !mayAsk(context)) {
    if (verb === 'note') {
      const example = `For example: ${context.self} note ${rollout} "a new region since noon"`
      throw new Failure(EXIT.usage, 'note wants a text', example)
    }
    throw new Failure(
      EXIT.usage,
      `${verb} wants a reason: --reason WHY`,
      `For example: ${context.self} ${verb} ${rollout}${verb === 'set' ? ' 5%' : ''} --reason "fixed, #812"`,
    )
  }
  // Only a person at a terminal waits for these to load.
  const { isCancel, text } = await import('@clack/prompts')
  const answer = await text({
    message:
      verb === 'note'
        ? `What is to be written into the audit log of ${rollout}?`
        : `Why ${verb} ${rollout}? It goes into the audit log.`,
    validate: (words) => (words?.trim() ? undefined : 'a few words'),
    input: context.stdin,
    output: context.stderr,
  })
  return isCancel(answer) ? null : answer
}

/** What lets a canary back, or takes control away, is confirmed by its name. */
async function isConfirmed(
  { verb, rollout, yes }: WriteOptions,
  context: Context,
): Promise<boolean> {
  const asks = verb === 'promote' || verb === 'rearm'
  if (!asks || yes || !mayAsk(context)) return true
  const { isCancel, text } = await import('@clack/prompts')
  const does =
    verb === 'promote'
      ? `It takes ${rollout} to 100 %: no control is left to judge it by.`
      : `It lets ${rollout} begin again after a rollback.`
  const answer = await text({
    message: `${does} Type ${rollout} to confirm.`,
    validate: (name) => (name?.trim() === rollout ? undefined : `type ${rollout}, or Ctrl-C`),
    input: context.stdin,
    output: context.stderr,
  })
  return !isCancel(answer)
}
