import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Config } from '../config/schema.ts'
import { Secret } from '../config/secret.ts'
import { refText } from '../config/secrets.ts'
import { HeadgateError } from '../errors.ts'
import { findConfig, readConfig, secretReader, shownPath } from '../load-config.ts'
import { ControlClient } from './client.ts'
import type { Context } from './command.ts'
import { EXIT } from './exit.ts'
import { Failure } from './failure.ts'

/** Where the control plane is and what opens it: flags, then the environment, then the config file that `serve` reads. */

export interface ConnectOptions {
  readonly url?: string
  readonly tokenFile?: string
  readonly config?: string
}

type Around = Pick<Context, 'env' | 'cwd' | 'self'>

/** The config file is read only where flags and environment leave something open: a broken one stops no rollback then. */
export function connect(options: ConnectOptions, around: Around): ControlClient {
  const { env, self } = around
  let read: Control | undefined
  const control = (): Control => {
    read ??= controlOf(options.config, around)
    return read
  }
  const given = options.url ?? env['HEADGATE_URL']
  const url =
    given === undefined || given === ''
      ? control().url
      : baseOf(given, options.url === undefined ? 'HEADGATE_URL' : '--url')
  const { token, from } = tokenOf(options, around) ?? control().token() ?? noToken(url)
  if (!/^[\x21-\x7e]+$/.test(token)) {
    throw new Failure(
      EXIT.usage,
      `the token from ${from} has blanks, line ends or other characters that no token has`,
      'Copy it again.',
    )
  }
  return new ControlClient({ url, token: new Secret(token), tokenFrom: from, self })
}

interface FoundToken {
  readonly token: string
  readonly from: string
}

function tokenOf({ tokenFile }: ConnectOptions, { env, cwd }: Around): FoundToken | null {
  if (tokenFile !== undefined) {
    let token: string
    try {
      token = readFileSync(resolve(cwd, tokenFile), 'utf8').trim()
    } catch {
      throw new Failure(EXIT.usage, `--token-file ${tokenFile} cannot be read`, 'Check the path.')
    }
    if (token === '') throw new Failure(EXIT.usage, `--token-file ${tokenFile} is empty`, '')
    return { token, from: `--token-file ${tokenFile}` }
  }
  const token = env['HEADGATE_TOKEN']
  return token ? { token, from: 'HEADGATE_TOKEN' } : null
}

function noToken(url: string): never {
  throw new HeadgateError(
    'control_unauthorised',
    `no token for the control plane at ${url}: set HEADGATE_TOKEN, or give --token-file`,
  )
}

/** What the config file says; the token is looked for only where it is asked for. */
interface Control {
  readonly url: string
  readonly token: () => FoundToken | null
}

const DEFAULT: Control = { url: 'http://127.0.0.1:8788', token: () => null }

function controlOf(explicit: string | undefined, { env, cwd }: Around): Control {
  const found = findConfig(explicit, env, cwd)
  if (!found.ok) {
    if (found.looked.length > 1) return DEFAULT
    throw new Failure(
      EXIT.invalid,
      found.message,
      'Name another, or give --url and HEADGATE_TOKEN.',
    )
  }
  const file = shownPath(found.file)
  const read = readConfig(found.file, env)
  if (!read.ok) {
    const [first] = read.faults
    throw new HeadgateError('config_invalid', String(first))
  }
  const { control } = read.config
  if (control === undefined) {
    throw new HeadgateError(
      'control_unauthorised',
      `${file} has no control plane: set HEADGATE_TOKEN, here and for headgate serve, or name one with --url`,
    )
  }
  if (control.port === 0) {
    throw new Failure(
      EXIT.usage,
      `control.port of ${file} is 0, so any port`,
      'Give the URL that headgate serve printed, with --url or HEADGATE_URL.',
    )
  }
  return {
    url: `http://${hostOf(control)}:${control.port}`,
    token: () => {
      const token = secretReader(read.config, found.file, env)(control.token)
      return token ? { token, from: `${refText(control.token)} (${file})` } : null
    },
  }
}

/** What listens everywhere is reached on loopback. */
function hostOf({ host }: NonNullable<Config['control']>): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::') return '[::1]'
  return host.includes(':') ? `[${host}]` : host
}

/** @param text also as `serve` prints it, with `/-/` */
function baseOf(text: string, from: string): string {
  const url = URL.canParse(text) ? new URL(text) : null
  const fits = url?.protocol === 'http:' || url?.protocol === 'https:'
  if (url === null || !fits || url.username !== '' || url.password !== '') {
    throw new Failure(
      EXIT.usage,
      `${from} must be such as http://127.0.0.1:8788, without a user or a password`,
      'The token goes into HEADGATE_TOKEN or --token-file.',
    )
  }
  return `${url.origin}${url.pathname}`.replace(/\/(-\/?)?$/, '')
}
