import { isRecord } from '../wire/value.ts'
import type { Answer } from './answer.ts'
import { fencesOf } from './code.ts'

/**
 * What an answer would have a machine do: hosts it would reach, packages it would install, acts that are not taken back. Read
 * where somebody may run it: in arguments of tool calls and in fenced code. A relay that tampers puts its own here
 * (arXiv 2604.08407: payloads rewritten in tool calls, AC-1; names of dependencies, AC-1.a).
 */
export interface Artifacts {
  /** Lower case, without port. */
  readonly hosts: ReadonlySet<string>
  /** `pip:requests`, `npm:left-pad`: a registry's family and a name in its one way of writing. */
  readonly installs: ReadonlySet<string>
  readonly acts: ReadonlySet<Act>
}

/** Closed. */
export type Act =
  /** What was fetched, or decoded, goes into an interpreter. */
  | 'runs_what_it_fetched'
  | 'runs_what_it_decoded'
  | 'opens_a_shell_outward'
  | 'reads_credentials'
  | 'stays_behind'
  | 'deletes_recursively'
  | 'lowers_protection'

/** Patterns are tried at every place of it. */
const MOST_CHARACTERS = 65_536
const MOST_EACH = 200

const NO_ARTIFACTS: Artifacts = { hosts: new Set(), installs: new Set(), acts: new Set() }

export function artifactsOf({ tools, text }: Answer): Artifacts {
  if (tools.length === 0 && !text.includes('```') && !text.includes('~~~')) return NO_ARTIFACTS
  const called = tools.flatMap(({ arguments: value, raw }) =>
    value === undefined ? [raw] : textsIn(value),
  )
  const code = fencesOf(text).blocks.map((block) => block.code)
  return artifactsIn([...called, ...code].join('\n').slice(0, MOST_CHARACTERS))
}

/** What any text would have a machine do. */
export function artifactsIn(text: string): Artifacts {
  const acts = ACTS.filter(([, pattern]) => pattern.test(text)).map(([act]) => act)
  return { hosts: hostsIn(text), installs: installsIn(text), acts: new Set(acts) }
}

/** Every text within a JSON value; a list of short texts is a command line too. */
function textsIn(value: unknown): string[] {
  const texts: string[] = []
  const visit = (here: unknown, depth: number): void => {
    if (depth > 16 || texts.length > 2_000) return
    if (typeof here === 'string') texts.push(here)
    else if (Array.isArray(here)) {
      if (here.length <= 64 && here.every((item) => typeof item === 'string'))
        texts.push(here.join(' '))
      for (const item of here) visit(item, depth + 1)
    } else if (isRecord(here)) {
      for (const [name, member] of Object.entries(here)) {
        // `"lodash": "^4.17.0"` in a manifest is one line, as a manifest in a text is.
        if (typeof member === 'string') texts.push(`"${name}": "${member}"`)
        visit(member, depth + 1)
      }
    }
  }
  visit(value, 0)
  return texts
}

/** A scheme and a name, an address in numbers, or `git@host:`. */
const HOST =
  /\b(?:https?|wss?|ftps?|ssh|git|git\+https|git\+ssh|tcp|udp):\/\/(?:[^\s/@"'`<>]{1,80}@)?(\[[0-9a-f:.]{2,45}\]|[\p{L}\p{N}._-]{1,255})|\bgit@([\w.-]{1,255}):|(?<![\w.])(\d{1,3}(?:\.\d{1,3}){3})(?![\w.])|\/dev\/(?:tcp|udp)\/([\w.-]{1,255})|\b(?:nc|ncat|netcat|telnet|socat)\b[^\n|;&]{0,40}?\s([\w-]+(?:\.[\w-]+)+)\s+\d{1,5}\b/giu

/** Names that mean this machine, or an example. */
const NOWHERE =
  /^(localhost|127\.\d+\.\d+\.\d+|0\.0\.0\.0|\[::1?\]|(.+\.)?example\.(com|org|net)|.+\.(test|invalid|localhost))$/

function hostsIn(text: string): Set<string> {
  const hosts = new Set<string>()
  for (const match of text.matchAll(HOST)) {
    const host = match
      .slice(1)
      .find((group) => group !== undefined)
      ?.toLowerCase()
      .replace(/\.$/, '')
    if (host !== undefined && hosts.size < MOST_EACH) hosts.add(host)
  }
  return hosts
}

/** True for what names no machine of somebody else. */
export function isNowhere(host: string): boolean {
  return NOWHERE.test(host)
}

/** Commands that install, by the family of their registry; what follows are names, options and files. */
const INSTALLERS: readonly (readonly [family: string, command: RegExp])[] = [
  [
    'pip',
    /\b(?:(?:pip|pip3|pipx|conda|mamba)(?:\d?(?:\.\d+)?)|python[\d.]* -m pip|uv pip) +(?:install|inject)\b([^\n;&|]*)/gi,
  ],
  ['pip', /\b(?:uv|poetry|pdm|pipenv) +(?:add|install)\b([^\n;&|]*)/gi],
  ['pip', /\buvx +([^\n;&|]*)/gi],
  ['npm', /\b(?:npm|pnpm|yarn|bun)(?: +-[\w-]+)* +(?:install|add|i|ci|global add)\b([^\n;&|]*)/gi],
  ['npm', /\b(?:npx|bunx|pnpm dlx|yarn dlx) +((?:-\S+ +)*\S+)/gi],
  ['cargo', /\bcargo +(?:add|install)\b([^\n;&|]*)/gi],
  ['go', /\bgo +(?:get|install)\b([^\n;&|]*)/gi],
  ['gem', /\b(?:gem +install|bundle +add)\b([^\n;&|]*)/gi],
  ['composer', /\bcomposer +require\b([^\n;&|]*)/gi],
  ['nuget', /\bdotnet +add +(?:\S+ +)?package\b([^\n;&|]*)/gi],
  [
    'system',
    /\b(?:apt(?:-get)?|dnf|yum|apk|brew|pacman|zypper|choco|winget)(?: +-[\w-]+)* +(?:install|add|-S)\b([^\n;&|]*)/gi,
  ],
  ['docker', /\b(?:docker|podman) +(?:pull|run)\b([^\n;&|]*)/gi],
  ['docker', /^FROM +([^\s]+)/gim],
]
/** Lines of manifests: `requests==2.31.0`, `"lodash": "^4.17.21"`, `serde = "1.0"`. */
const MANIFESTS: readonly (readonly [family: string, line: RegExp])[] = [
  [
    'pip',
    /^[ \t]{0,40}["']?(\d*[A-Za-z][\w.-]{0,80})(?:\[[\w,]{1,80}\])?(?:==|~=|>=|===)\d[\w.*]*/gm,
  ],
  ['npm', /"((?:@[\w.-]{1,80}\/)?[a-z][\w.-]{0,80})" ?: ?"(?:[\^~]|>=)?\d+\.[\w.-]{1,40}"/g],
  ['cargo', /^[ \t]{0,40}([a-z][\w-]{0,80}) ?= ?(?:"\^?\d[\w.]{0,40}"|\{ ?version ?=)/gm],
  ['go', /^[ \t]{0,40}(?:require )?([a-z0-9.-]{1,80}\.[a-z]{2,20}\/[\w./-]{1,160}) v\d/gm],
]
const OPTION_WITH_VALUE =
  /^(?:-r|-c|-i|-e|-v|-p|-w|-u|-t|-n|--(?:requirement|constraint|index-url|extra-index-url|target|registry|prefix|volume|publish|name|env|network|features|version|workdir|user|python))$/

function installsIn(text: string): Set<string> {
  const installs = new Set<string>()
  const add = (family: string, name: string): void => {
    if (name !== '' && installs.size < MOST_EACH) installs.add(`${family}:${name}`)
  }
  for (const [family, command] of INSTALLERS) {
    for (const [, rest = ''] of text.matchAll(command)) {
      let skip = false
      for (const word of rest.trim().split(/\s+/).slice(0, 40)) {
        const bare = word.replace(/^["'`]+|["'`,;)]+$/g, '')
        if (skip) skip = false
        else if (bare.startsWith('-')) skip = OPTION_WITH_VALUE.test(bare)
        else if (/^[#<>\\]/.test(bare)) break
        else if (bare !== '' && bare !== '.' && !/^[./~$]/.test(bare)) {
          add(family, packageOf(family, bare))
          // Behind an image, and behind what `npx` runs, come arguments.
          if (family === 'docker') break
        }
      }
    }
  }
  for (const [family, line] of MANIFESTS) {
    for (const [, name = ''] of text.matchAll(line)) add(family, packageOf(family, name))
  }
  return installs
}

/** Without version and extras, in the registry's one way of writing. */
function packageOf(family: string, written: string): string {
  const name = written.toLowerCase()
  switch (family) {
    case 'pip':
      // PEP 503.
      return (/^[\w.-]+/.exec(name)?.[0] ?? name).replace(/[-_.]+/g, '-')
    case 'npm':
      return /^(?:@[\w.-]+\/)?[\w.-]+/.exec(name)?.[0] ?? name
    case 'docker':
      return name.replace(/[:@][\w.:-]*$/, '')
    default:
      return name.replace(/@[\w.^~*-]+$/, '').replace(/[=<>~^].*$/, '')
  }
}

const INTERPRETER =
  '(?:sudo +(?:-\\S+ +)*)?(?:env +)?(?:ba|z|da|k|fi)?sh\\b|(?:sudo +)?(?:python[\\d.]*|node|perl|ruby|php|iex|pwsh|powershell)\\b'
const FETCH =
  '(?:curl|wget|fetch|iwr|irm|Invoke-WebRequest|Invoke-RestMethod|DownloadString|aria2c)'

const ACTS: readonly (readonly [Act, RegExp])[] = [
  [
    'runs_what_it_fetched',
    new RegExp(
      `\\b${FETCH}\\b[^\\n]{0,200}\\|\\s*(?:${INTERPRETER})|(?:${INTERPRETER})[^\\n]{0,20}(?:<\\(|\\$\\(|\`)\\s*${FETCH}\\b|\\b(?:eval|exec|source)\\b[^\\n]{0,40}\\b(?:${FETCH}|urlopen|requests\\.get)\\b|\\b${FETCH}\\b[^\\n]{0,200}(?:&&|;)[^\\n]{0,80}\\bchmod +\\S*x|\\b${FETCH}\\b[^\\n]{0,200}-[oO] *(\\S+)[^\\n]{0,80}(?:&&|;)\\s*(?:${INTERPRETER}) +\\S`,
      'i',
    ),
  ],
  [
    'runs_what_it_decoded',
    new RegExp(
      `\\bbase64 +(?:-d|-D|--decode)\\b[^\\n]{0,80}\\|\\s*(?:${INTERPRETER})|\\bxxd +-r\\b[^\\n]{0,80}\\|\\s*(?:${INTERPRETER})|\\b(?:exec|eval|Function)\\s*\\([^\\n]{0,80}(?:b64decode|atob|base64|fromCharCode|unhexlify)|-e(?:nc(?:odedcommand)?)? +[A-Za-z0-9+/=]{40,}`,
      'i',
    ),
  ],
  [
    'opens_a_shell_outward',
    /\/dev\/(?:tcp|udp)\/|\b(?:nc|ncat|netcat)\b[^\n]{0,60}(?:-e|-c|--exec|<)\s|\bsocat\b[^\n]{0,120}exec|\bbash +-i\b|socket\.socket\([^\n]{0,200}(?:dup2|subprocess|pty\.spawn)/i,
  ],
  [
    'reads_credentials',
    /~?\/?\.(?:ssh\/(?:id_|authorized|config)|aws\/credentials|netrc|npmrc|pypirc|docker\/config\.json|kube\/config|git-credentials)|\/etc\/(?:shadow|passwd)\b|\b(?:printenv|env)\b\s*\||\b(?:AWS_SECRET_ACCESS_KEY|OPENAI_API_KEY|ANTHROPIC_API_KEY|GITHUB_TOKEN)\b[^\n]{0,80}(?:curl|wget|https?:)|(?:curl|wget|https?:)[^\n]{0,200}\$\{?(?:AWS_SECRET_ACCESS_KEY|OPENAI_API_KEY|ANTHROPIC_API_KEY|GITHUB_TOKEN|[A-Z_]{0,40}(?:SECRET|TOKEN|PASSWORD|API_KEY))\b|169\.254\.169\.254|metadata\.google\.internal/i,
  ],
  [
    'stays_behind',
    /\bcrontab\b|\/etc\/cron|>>?\s*~?\/?\S*(?:\.bashrc|\.zshrc|\.profile|\.bash_profile|authorized_keys)|\bsystemctl +enable\b|LaunchAgents|\\CurrentVersion\\Run\b|\bschtasks +\/create/i,
  ],
  [
    'deletes_recursively',
    /\brm +(?:-\w{0,12}[rR]\w{0,12} +){1,8}(?:--no-preserve-root +)?(?:\/|~|\$HOME|\*)(?=\s|\/?\s|$|["';])|\bmkfs(?:\.\w+)?\b|\bdd +[^\n]{0,80}of=\/dev\/|\bDROP +(?:DATABASE|SCHEMA)\b/i,
  ],
  [
    'lowers_protection',
    /\bcurl\b[^\n]{0,200}\s(?:-k|--insecure)\b|--(?:no-verify|disable-ssl|trusted-host|no-check-certificate)\b|\bverify\s*=\s*False\b|NODE_TLS_REJECT_UNAUTHORIZED|\bchmod +(?:-R +)?(?:0?777|a\+rwx)|\bsetenforce +0|\bufw +disable|strict-ssl +false/i,
  ],
]
