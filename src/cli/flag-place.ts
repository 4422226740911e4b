import { randomUUID } from 'node:crypto'
import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname, resolve } from 'node:path'
import { baseUrlFault, INSECURE } from '../config/base-url.ts'
import { OWN_PROPERTIES } from '../config/schema/flags.ts'
import type { Config } from '../config/schema.ts'
import { Secret } from '../config/secret.ts'
import { refText } from '../config/secrets.ts'
import { HeadgateError } from '../errors.ts'
import { type FlagDocument, parseDocument } from '../flag/document.ts'
import { besideConfig, findConfig, readConfig, secretReader, shownPath } from '../load-config.ts'
import type { Clock } from '../ports.ts'
import { type AdminAnswer, UnleashAdmin } from '../unleash/admin.ts'
import type { RolloutFlags } from '../unleash/difference.ts'
import { environmentOf } from '../unleash/environment.ts'
import { askFeatures } from '../unleash/features.ts'
import type { Context } from './command.ts'
import { EXIT } from './exit.ts'
import { Failure } from './failure.ts'

/** Where a team's flags are: the file, and the server, as the config file names them and as the command line overrules it. */

export interface FlagPlaceOptions {
  readonly config?: string
  readonly file?: string
  readonly url?: string
  readonly tokenFile?: string
  readonly project?: string
  readonly environment?: string
}

type Unleash = Extract<NonNullable<Config['flags']>, { unleash: unknown }>['unleash']
type Around = Pick<Context, 'env' | 'cwd' | 'self'>

interface Asked {
  readonly source: string
  readonly document: FlagDocument
  /** Their names. */
  readonly left: readonly string[]
}

export interface FlagPlace {
  readonly uses: readonly RolloutFlags[]
  /** What a constraint may ask; undefined where flags are none of a document. */
  readonly properties: ReadonlySet<string> | undefined
  /** Where `serve` reads flags, and where the commands do unless told otherwise. */
  readonly from: 'file' | 'server'
  /** Absolute. @throws {Failure} where none is named */
  file(): string
  /**
   * Asks once, with a backend token. As for `serve`, flags that no rollout follows are left out where they are malformed.
   * @param all every flag is wanted, and has to be right
   * @throws {Failure}
   */
  ask(all?: boolean): Promise<Asked>
  /** With an admin token. @throws {Failure} */
  admin(): { readonly to: string; readonly admin: UnleashAdmin }
}

const clock: Clock = {
  wallMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  setTimer: (run, ms) => setTimeout(run, ms),
  clearTimer: (timer) => clearTimeout(timer as NodeJS.Timeout),
}

/** @throws {Failure} without a config file @throws {HeadgateError} `config_invalid` */
export function flagPlace(options: FlagPlaceOptions, around: Around): FlagPlace {
  const { env, cwd, self } = around
  const found = findConfig(options.config, env, cwd)
  if (!found.ok) {
    const fix = `Write one with ${self} init, or name one with --config.`
    throw new Failure(EXIT.invalid, found.message, fix)
  }
  const read = readConfig(found.file, env)
  if (!read.ok) throw new HeadgateError('config_invalid', String(read.faults[0]))
  const { config } = read
  const unleash =
    config.flags !== undefined && 'unleash' in config.flags ? config.flags.unleash : null
  const reader = secretReader(config, found.file, env)

  /** A token of the config file goes to the server of the config file, and to no other. */
  const tokenOf = (url: string, kind: 'backend' | 'admin'): Secret => {
    if (options.tokenFile !== undefined) return tokenIn(options.tokenFile, cwd)
    const ref = kind === 'backend' ? unleash?.token : unleash?.writeBack?.token
    if (ref === undefined || unleash === null || !isSameUrl(url, unleash.url)) {
      const setting = kind === 'backend' ? 'flags.unleash.token' : 'flags.unleash.writeBack.token'
      throw new Failure(
        EXIT.unreachable,
        `no ${kind} token for ${url}: ${setting} is not there for it`,
        'Give --token-file. Tokens are never arguments.',
      )
    }
    const text = reader(ref)
    if (text) return new Secret(text)
    const where = `${refText(ref)} (${shownPath(found.file)})`
    throw new Failure(EXIT.unreachable, `the ${kind} token is not set: ${where}`, 'Set it.')
  }

  const uses = Object.entries(config.rollouts).map(([rollout, { flag, kill, groupId }]) => ({
    rollout,
    flag,
    kill,
    groupId: groupId ?? flag,
  }))
  const followed = new Set(uses.flatMap(({ flag, kill }) => [flag, kill]))

  return {
    uses,
    properties: askableOf(config),
    from:
      options.file === undefined && (options.url !== undefined || unleash !== null)
        ? 'server'
        : 'file',
    file() {
      if (options.file !== undefined) return resolve(cwd, options.file)
      const named =
        config.flags !== undefined && 'file' in config.flags
          ? config.flags.file
          : unleash?.bootstrap
      if (named !== undefined) return besideConfig(found.file, named)
      throw new Failure(EXIT.usage, 'which file? the config names none', 'Give --file.')
    },
    async ask(all = false) {
      const url = urlOf(options.url, unleash)
      const token = tokenOf(url, 'backend')
      const server = {
        url,
        token,
        appName: unleash?.appName ?? 'headgate',
        instanceId: randomUUID(),
        intervalMs: 0,
      }
      const needs = () => (all ? null : followed)
      const answer = await askFeatures(server, null, { fetch, clock, needs })
      if (answer.kind === 'document') {
        return { source: `unleash:${url}`, document: answer.document, left: answer.left }
      }
      const words = answer.kind === 'fault' ? answer.words : 'answered nothing new'
      const exit = words.includes('no document') ? EXIT.invalid : EXIT.unreachable
      throw new Failure(exit, `Unleash at ${url} ${words}`, '')
    },
    admin() {
      const url = urlOf(options.url, unleash)
      const token = tokenOf(url, 'admin')
      const project = options.project ?? unleash?.writeBack?.project ?? 'default'
      const backend = unleash === null ? null : environmentOf(reader(unleash.token) ?? '')
      const environment = options.environment ?? unleash?.writeBack?.environment ?? backend
      if (environment === null) {
        throw new Failure(
          EXIT.usage,
          'which environment?',
          'Give --environment, or set it in flags.unleash.writeBack.',
        )
      }
      const server = { url, token, project, environment }
      return {
        to: `${environment} of project ${project} at ${url}`,
        admin: new UnleashAdmin(server, { fetch, clock }),
      }
    },
  }
}

/** What a constraint may ask of a request; undefined where a provider answers, or nobody. */
export function askableOf({ flags }: Config): ReadonlySet<string> | undefined {
  if (flags === undefined || 'openFeature' in flags) return undefined
  const always = ['userId', 'sessionId', 'currentTime']
  return new Set([...always, ...OWN_PROPERTIES, ...Object.keys(flags.context)])
}

/** @throws {Failure} for what cannot be read, and with the first faults of what is no document */
export function documentIn(file: string): FlagDocument {
  const shown = shownPath(file)
  let text: string
  try {
    text = readFileSync(file, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new Failure(EXIT.invalid, `${shown} cannot be read (${code})`, '')
  }
  const parsed = parseDocument(text)
  if (parsed.ok) return parsed.document
  throw new Failure(EXIT.invalid, `${shown}: ${parsed.faults.join('; ')}`, '')
}

/** What is there is replaced whole, or stays. @throws {Failure} */
export function replaceFile(file: string, text: string): void {
  const next = `${file}.${process.pid}.tmp`
  try {
    mkdirSync(dirname(file), { recursive: true })
    const handle = openSync(next, 'w')
    try {
      writeSync(handle, text)
      fsyncSync(handle)
    } finally {
      closeSync(handle)
    }
    renameSync(next, file)
  } catch (error) {
    rmSync(next, { force: true })
    const why = error instanceof Error ? error.message : String(error)
    throw new Failure(EXIT.failed, `cannot write: ${why}`, 'The file is as it was.')
  }
}

/** For people; null where nothing was. */
export function leftOut(left: readonly string[]): string | null {
  if (left.length === 0) return null
  return `malformed flags of others are left out: ${left.map((name) => JSON.stringify(name)).join(', ')}`
}

/** @throws {Failure} always */
export function refuse(answer: Exclude<AdminAnswer<unknown>, { kind: 'ok' }>, done = ''): never {
  const isAway = answer.kind === 'fault' || answer.kind === 'unauthorised'
  throw new Failure(isAway ? EXIT.unreachable : EXIT.failed, `Unleash ${answer.words}`, done)
}

function urlOf(given: string | undefined, unleash: Unleash | null): string {
  if (given === undefined) {
    if (unleash !== null) return unleash.url
    throw new Failure(
      EXIT.usage,
      'which Unleash? the config names none',
      'Give --url and --token-file.',
    )
  }
  const fault = URL.canParse(given)
    ? baseUrlFault(given)
    : 'must be such as https://unleash.example/api'
  const allowed = fault === INSECURE && unleash?.plaintext === true && isSameUrl(given, unleash.url)
  if (fault === null || allowed) return given
  throw new Failure(EXIT.usage, `--url ${fault}`, '')
}

function isSameUrl(one: string, other: string): boolean {
  return one.replace(/\/+$/, '') === other.replace(/\/+$/, '')
}

function tokenIn(file: string, cwd: string): Secret {
  let token: string
  try {
    token = readFileSync(resolve(cwd, file), 'utf8').trim()
  } catch {
    throw new Failure(EXIT.usage, `--token-file ${file} cannot be read`, 'Check the path.')
  }
  if (/^[\x21-\x7e]+$/.test(token)) return new Secret(token)
  throw new Failure(EXIT.usage, `--token-file ${file} holds no token`, 'Copy it again.')
}
