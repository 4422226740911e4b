/** What is wrong with a config file, and where. No fault holds a secret, or a value of the environment. */

/** Steps from the top of the file: keys and indexes. */
export type Path = readonly (string | number)[]

/** Where a file says something; lines and columns count from 1. */
export interface Place {
  readonly file: string
  readonly line: number
  readonly column: number
}

/** A fault or note before its place was looked up. */
export interface Finding {
  readonly path: Path
  readonly message: string
  readonly suggestion?: string
  /** Where in the text, when the path's own place is too coarse. */
  readonly offset?: number
}

/** `upstreams.relay.models["gpt-5.2"]`, `steps[2]`. What looks like a key to an account is left out. */
export function pathText(path: Path): string {
  let text = ''
  for (const part of path) {
    if (typeof part === 'number') text += `[${part}]`
    else if (looksLikeKey(part)) text += '[hidden]'
    else if (/^[A-Za-z_$][\w$-]*$/.test(part)) text += text === '' ? part : `.${part}`
    else text += `[${JSON.stringify(part)}]`
  }
  return text
}

/** One thing to know about one place of a file. As text it is one line: `headgate.yaml:4:1 state is …`. */
export class Note implements Place {
  readonly file: string
  readonly line: number
  readonly column: number
  /** `rollouts.relay.plan.steps[2]`; empty for the file as a whole. */
  readonly path: string
  /** Reads on from the path: `must be in 1..5, got 7`. */
  readonly message: string

  constructor(place: Place, finding: Finding) {
    this.file = place.file
    this.line = place.line
    this.column = place.column
    this.path = pathText(finding.path)
    this.message = finding.message
  }

  toString(): string {
    const path = this.path === '' ? '' : `${this.path} `
    return `${this.file}:${this.line}:${this.column} ${path}${this.message}`
  }
}

/** One thing that must change before the file can be used. */
export class Fault extends Note {
  /** What to write instead, where that can be told; else null. */
  readonly suggestion: string | null

  constructor(place: Place, finding: Finding) {
    super(place, finding)
    this.suggestion = finding.suggestion ?? null
  }

  override toString(): string {
    return this.suggestion === null ? super.toString() : `${super.toString()}: ${this.suggestion}`
  }
}

const KEY_SHAPES =
  /(?<![\w.-])([Bb]earer\s|(sk|pk|rk)[-_]\w|gh[opsu]_\w|github_pat_|xox[abp]-|hf_\w|AKIA[0-9A-Z]{12}|AIza\w{10}|eyJ\w{10})/

/** True for text that holds what has the shape of a well-known vendor's key, or a long run of letters and digits. */
export function looksLikeKey(text: string): boolean {
  if (KEY_SHAPES.test(text)) return true
  const runs = text.match(/[A-Za-z0-9]{20,}/g) ?? []
  return runs.some((run) => /\d/.test(run) && /[A-Za-z]/.test(run))
}
