/** Code as code: what a language's reader sees of it, without comments, and without blanks that mean nothing. */

/** A piece of code that a fence marks in a text. */
export interface CodeBlock {
  /** As the fence says, lower case; empty where it says nothing. */
  readonly language: string
  readonly code: string
}

const MOST_BLOCKS = 32
const MOST_TOKENS = 20_000

const FENCE = /^ {0,3}(`{3,}|~{3,})[ \t]*([^\s`]*)[^\n]*$/

/** A text with its fenced code taken out. A fence that is not closed ends with the text, as CommonMark says. */
export function fencesOf(text: string): { readonly prose: string; readonly blocks: CodeBlock[] } {
  if (!text.includes('```') && !text.includes('~~~')) return { prose: text, blocks: [] }
  const prose: string[] = []
  const blocks: CodeBlock[] = []
  let open: { readonly mark: string; readonly language: string; readonly lines: string[] } | null =
    null
  for (const line of text.split('\n')) {
    const [, mark = '', language = ''] = FENCE.exec(line) ?? []
    if (open === null) {
      if (mark === '' || blocks.length >= MOST_BLOCKS) prose.push(line)
      else open = { mark, language: language.toLowerCase(), lines: [] }
    } else if (mark.startsWith(open.mark) && language === '') {
      blocks.push({ language: open.language, code: open.lines.join('\n') })
      open = null
    } else open.lines.push(line)
  }
  if (open !== null) blocks.push({ language: open.language, code: open.lines.join('\n') })
  return { prose: prose.join('\n'), blocks }
}

interface Syntax {
  /** What begins a comment to the end of its line. */
  readonly line: readonly string[]
  readonly block: readonly (readonly [from: string, to: string])[]
  /** What a text may stand in, the longest first. */
  readonly quotes: readonly string[]
  /** Single and double quotes say the same. */
  readonly quotesAlike: boolean
  /** How far a line is indented means something. */
  readonly indented: boolean
}

const C_LIKE: Syntax = {
  line: ['//'],
  block: [['/*', '*/']],
  quotes: ['"""', '"', "'", '`'],
  quotesAlike: false,
  indented: false,
}
const SCRIPT: Syntax = { ...C_LIKE, quotes: ['"', "'", '`'], quotesAlike: true }
const PYTHON: Syntax = {
  line: ['#'],
  block: [],
  quotes: ['"""', "'''", '"', "'"],
  quotesAlike: true,
  indented: true,
}
const SHELL: Syntax = {
  line: ['#'],
  block: [],
  quotes: ['"', "'"],
  quotesAlike: false,
  indented: false,
}
const YAML: Syntax = { ...SHELL, quotesAlike: true, indented: true }
const SQL: Syntax = {
  line: ['--'],
  block: [['/*', '*/']],
  quotes: ["'", '"', '`'],
  quotesAlike: false,
  indented: false,
}
const MARKUP: Syntax = {
  line: [],
  block: [['<!--', '-->']],
  quotes: ['"', "'"],
  quotesAlike: true,
  indented: false,
}
/** Nothing is known of it: every sign counts, blanks do not. */
const PLAIN: Syntax = { line: [], block: [], quotes: [], quotesAlike: false, indented: false }

const SYNTAXES: readonly (readonly [names: string, syntax: Syntax])[] = [
  ['js javascript jsx ts typescript tsx mjs cjs', SCRIPT],
  ['py python python3', PYTHON],
  ['sh bash shell zsh console ruby rb perl r toml ini dockerfile make makefile elixir', SHELL],
  ['yaml yml', YAML],
  ['sql lua', SQL],
  ['html xml svg vue svelte', MARKUP],
  [
    'c cpp c++ cc h hpp cs csharp java kotlin kt go golang rust rs swift scala dart php css scss less proto',
    C_LIKE,
  ],
  ['json jsonc json5', { ...SCRIPT, quotesAlike: false }],
]

const BY_NAME = new Map(
  SYNTAXES.flatMap(([names, syntax]) => names.split(' ').map((name) => [name, syntax] as const)),
)

const WORD = /[\p{L}\p{N}_$]+/uy
const BLANKS = /[ \t\r\f\v]+/y
const OPERATOR =
  /=>|->|\+\+|--|\*\*=?|<<=?|>>>?=?|[=!]==?|<=|>=|&&|\|\||\?\?|::|[-+*/%&|^]=|\.\.\.?|\r?\n|./suy

/**
 * The tokens of a piece of code; two that are equal say the same. Where indentation means something it is a token, by its
 * order among the depths that are open, so that two blanks or four are the same.
 */
export function tokensOf({ language, code }: CodeBlock): string[] {
  const syntax = BY_NAME.get(language) ?? PLAIN
  const tokens: string[] = []
  const depths: number[] = [0]
  let lineStart = true
  let brackets = 0
  for (let at = 0; at < code.length && tokens.length < MOST_TOKENS; ) {
    if (lineStart) {
      BLANKS.lastIndex = at
      const blanks = BLANKS.exec(code)?.[0] ?? ''
      at += blanks.length
      lineStart = false
      const next = code[at]
      const says =
        next !== undefined &&
        next !== '\n' &&
        !syntax.line.some((mark) => code.startsWith(mark, at))
      if (syntax.indented && says && brackets === 0)
        indent(tokens, depths, blanks.replaceAll('\t', '        ').length)
      continue
    }
    const comment = syntax.line.find((mark) => code.startsWith(mark, at))
    if (comment !== undefined && (comment !== '#' || startsComment(code, at))) {
      const end = code.indexOf('\n', at)
      at = end < 0 ? code.length : end
      continue
    }
    const block = syntax.block.find(([from]) => code.startsWith(from, at))
    if (block !== undefined) {
      const end = code.indexOf(block[1], at + block[0].length)
      at = end < 0 ? code.length : end + block[1].length
      continue
    }
    const quote = syntax.quotes.find((mark) => code.startsWith(mark, at))
    if (quote !== undefined) {
      const from = at + quote.length
      const end = endOfText(code, from, quote)
      tokens.push(textToken(code.slice(from, end), quote, syntax))
      at = end + (code.startsWith(quote, end) ? quote.length : 0)
      continue
    }
    const token = matched(WORD, code, at) ?? matched(OPERATOR, code, at) ?? code.charAt(at)
    at += token.length
    if (token === '\n' || token === '\r\n') {
      lineStart = true
      // The end of a line ends a statement where indentation means something, but not within brackets; once is enough.
      if (syntax.indented && brackets === 0 && tokens.length > 0 && tokens.at(-1) !== '\n')
        tokens.push('\n')
    } else if (token.trim() !== '') {
      if ('([{'.includes(token)) brackets++
      else if (')]}'.includes(token)) brackets = Math.max(0, brackets - 1)
      tokens.push(token)
    }
  }
  while (tokens.at(-1) === '\n') tokens.pop()
  return tokens
}

/** `$#`, `a#b` and `{#each` begin no comment: one stands at the start of a line or behind a blank. */
function startsComment(code: string, at: number): boolean {
  return at === 0 || /[\s;({,[]/.test(code.charAt(at - 1))
}

function matched(pattern: RegExp, code: string, at: number): string | null {
  pattern.lastIndex = at
  return pattern.exec(code)?.[0] ?? null
}

function indent(tokens: string[], depths: number[], depth: number): void {
  while (depth < (depths.at(-1) ?? 0)) {
    depths.pop()
    tokens.push('⇤')
  }
  if (depth > (depths.at(-1) ?? 0)) {
    depths.push(depth)
    tokens.push('⇥')
  }
}

/** @returns where the closing quote is, or the text ends without one: a quote of one line ends with its line */
function endOfText(code: string, from: number, quote: string): number {
  const manyLines = quote.length === 3 || quote === '`'
  for (let at = from; at < code.length; at++) {
    if (code[at] === '\\') at++
    else if (code.startsWith(quote, at)) return at
    else if (code[at] === '\n' && !manyLines) return at
  }
  return code.length
}

function textToken(inside: string, quote: string, { quotesAlike }: Syntax): string {
  const plain = quotesAlike && quote.length === 1 && quote !== '`' && !/['"\\]/.test(inside)
  return `${plain ? '"' : quote}${inside}`
}

/**
 * How alike two lists of tokens are: 1 when equal, else twice the runs of three that they share, by the runs of both. In
 * time that grows with their length; symmetric.
 */
export function codeAlike(one: readonly string[], other: readonly string[]): number {
  if (one.length === other.length && one.every((token, at) => token === other[at])) return 1
  const [mine, theirs] = [runsOf(one), runsOf(other)]
  let shared = 0
  for (const [run, count] of mine) shared += Math.min(count, theirs.get(run) ?? 0)
  const all = Math.max(1, one.length) + Math.max(1, other.length)
  // Two that share every run and are not equal are still not equal.
  return Math.min(0.999, (2 * shared) / all)
}

function runsOf(tokens: readonly string[]): Map<string, number> {
  const runs = new Map<string, number>()
  for (let at = 0; at < tokens.length; at++) {
    const run = tokens.slice(at, at + 3).join('\u0000')
    runs.set(run, (runs.get(run) ?? 0) + 1)
  }
  return runs
}
