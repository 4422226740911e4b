import type { Block } from './page.ts'

/** A `sh` or `console` block as commands, and what they are shown to answer. */

export interface Command {
  readonly text: string
  /** What the page shows; null where it shows nothing. */
  readonly shown: string | null
  /** From `# exit 5` behind the command; 0 unless given. */
  readonly exit: number
  /** It goes on until the page is over, or until the `^C` that is shown. */
  readonly stays: boolean
  readonly interrupted: boolean
}

/** It runs until somebody ends it. */
const STAYS =
  /\bheadgate (-- )?(serve|demo)\b(?!.*--(headless|help))|\bheadgate .*(--watch|--follow| -[wf]\b)/

/** Reads commands out of a block: all lines of `sh`, and those behind `$ ` of `console`. */
export function commandsOf(block: Block): readonly Command[] {
  const lines = block.text.replace(/\n$/, '').split('\n')
  if (block.language === 'sh') return whole(lines).map((text) => commandOf(text, null))
  const commands: Command[] = []
  let text: string[] = []
  let shown: string[] = []
  const end = (): void => {
    if (text.length > 0) commands.push(commandOf(text.join('\n'), shown.join('\n')))
    shown = []
  }
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] ?? ''
    if (!line.startsWith('$ ')) {
      shown.push(line)
      continue
    }
    end()
    text = [line.slice(2)]
    while (isOpen(text.join('\n')) && index + 1 < lines.length) text.push(lines[++index] ?? '')
  }
  end()
  return commands
}

function commandOf(text: string, shown: string | null): Command {
  const interrupted = shown?.endsWith('^C') ?? false
  return {
    text,
    shown: interrupted ? (shown ?? '').replace(/\n?\^C$/, '') : shown,
    exit: Number(/# exit (\d+)/.exec(text)?.[1] ?? 0),
    stays: interrupted || STAYS.test(text.replace(/ #.*$/, '')),
    interrupted,
  }
}

/** Lines that go on in the next are one command; blank lines and remarks are none. */
function whole(lines: readonly string[]): string[] {
  const commands: string[] = []
  let open: string | null = null
  for (const line of lines) {
    if (open === null && /^\s*(#.*)?$/.test(line)) continue
    const text: string = open === null ? line : `${open}\n${line}`
    open = isOpen(text) ? text : null
    if (open === null) commands.push(text)
  }
  if (open !== null) commands.push(open)
  return commands
}

/** A backslash or a pipe at the end, a quote or a here-document that is not closed yet. */
function isOpen(text: string): boolean {
  const here = /<<-? *'?(\w+)'?/.exec(text)
  if (here !== null) return !new RegExp(`^${here[1]}$`, 'm').test(text)
  const quotes = text.replaceAll(/"[^"\n]*"/g, '').split("'").length - 1
  return /[\\|]$/.test(text) || quotes % 2 === 1
}

/** What is another one each time: instants, ids, hashes, how long something took. */
const VARIES: readonly (readonly [RegExp, string])[] = [
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, '‹instant›'],
  [/\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC/g, '‹instant›'],
  [/\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/g, '‹instant›'],
  [/\bhg_[0-9a-f]{32}\b|\bhg_…/g, '‹request›'],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, '‹id›'],
  [/\b(chatcmpl|msg|resp|req)[-_]\w+/g, '‹id›'],
  [/(sha256[ :]|etag: ")[0-9a-f]{8,64}/g, '$1‹hash›'],
  [/\bdur=[\d.]+/g, 'dur=‹n›'],
  [/\b\d+(\.\d+)? (ms|s|min|h|d)\b/g, '‹while›'],
]

/** What JSON says, however it is laid out; undefined where it is none. */
function jsonOf(text: string): string | undefined {
  try {
    return JSON.stringify(JSON.parse(text))
  } catch {
    return undefined
  }
}

/** @returns what is equal where two texts differ only in what is another one each time */
function settled(text: string, about: boolean): string {
  let plain = text.replaceAll(/[ \t\r]+$/gm, '').trim()
  for (const [pattern, word] of VARIES) plain = plain.replaceAll(pattern, word)
  if (!about) return plain
  return plain
    .replaceAll(/\|[#.]+\|/g, '|‹bar›|')
    .replaceAll(/\d+(?:[.,]\d+)*(?:e[+-]?\d+)?/g, '‹n›')
    .replaceAll(/ {2,}/g, ' ')
}

/**
 * Whether a page shows what came. `…` alone on a line stands for any lines, and inside a line for any words; nothing
 * else is left out.
 */
export function agrees(shown: string, came: string, about: boolean): boolean {
  const json = shown.includes('…') ? undefined : jsonOf(shown)
  const cameJson = jsonOf(came)
  if (json !== undefined && cameJson !== undefined) {
    return settled(json, about) === settled(cameJson, about)
  }
  const lines = settled(shown, about).split('\n')
  return new RegExp(`^${lines.map(patternOf).join('')}$`).test(`${settled(came, about)}\n`)
}

/** Whether all that a page shows is in what has come until now, in this order: a log may stand between. */
export function holds(shown: string, came: string, about: boolean): boolean {
  const lines = settled(shown, about).split('\n').map(patternOf)
  return new RegExp(`^${lines.join(ANY_LINES)}`, 'm').test(`${settled(came, about)}\n`)
}

const ANY_LINES = '(?:.*\\n)*?'

function patternOf(line: string): string {
  return line.trim() === '…' ? ANY_LINES : `${line.split('…').map(literal).join('.*?')}\\n`
}

function literal(text: string): string {
  return text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&')
}
