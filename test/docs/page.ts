import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../house/tree.ts'

/** The documents as they are read: fenced blocks, marks for the tests between them, headings, links and words in backticks. */

/** A fenced block. */
export interface Block {
  readonly kind: 'block'
  /** `sh`, `console`, `yaml`, … */
  readonly language: string
  /** The file that it is, where the fence names one: the word behind the language that has a dot. */
  readonly file: string | null
  /** `about`: numbers in what is shown stand for any number. */
  readonly about: boolean
  readonly text: string
  /** Of the fence's first line, from 1. */
  readonly line: number
  /** Of the fence, where it stands in a list. */
  readonly indent: string
}

/** `<!-- stage: WORDS -->` begins anew in another setting; `<!-- meanwhile: WORDS -->` lets something happen. */
export interface Mark {
  readonly kind: 'stage' | 'meanwhile'
  readonly words: string
  readonly line: number
}

export interface Page {
  /** From the root of the repository. */
  readonly path: string
  readonly text: string
  readonly parts: readonly (Block | Mark)[]
}

const PART =
  /^(?<indent> *)```(?<language>\w*)(?<info>[^\n]*)\n(?<body>.*?)^\k<indent>```$|^<!-- (?<mark>stage|meanwhile): (?<words>[^\n]*) -->$/gms

/** @param path from the root */
export function pageOf(path: string): Page {
  const text = readFileSync(join(ROOT, path), 'utf8')
  return { path, text, parts: partsOf(text) }
}

function partsOf(text: string): readonly (Block | Mark)[] {
  return [...text.matchAll(PART)].map((match) => {
    const line = text.slice(0, match.index).split('\n').length
    const {
      indent = '',
      language = '',
      info = '',
      body = '',
      mark,
      words = '',
    } = match.groups ?? {}
    if (mark === 'stage' || mark === 'meanwhile') return { kind: mark, words, line }
    const more = info.trim().split(' ')
    return {
      kind: 'block',
      language,
      file: more.find((word) => word.includes('.')) ?? null,
      about: more.includes('about'),
      text: body.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
      line,
      indent,
    }
  })
}

/** Every page that people read: those at the root, below docs/ and below deploy/; from the root, in order. */
export const PAGES: readonly string[] = ['.', 'docs', 'deploy']
  .flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: folder !== '.' })
      .map((name) => join(folder, String(name)))
      .filter((name) => name.endsWith('.md')),
  )
  .toSorted()

/** The blocks of a page, in order. */
export function blocksOf(path: string): readonly Block[] {
  return pageOf(path).parts.filter((part) => part.kind === 'block')
}

/** What stands outside of fences, line for line: fenced lines are empty. */
export function proseOf(text: string): string {
  return text.replaceAll(/^( *)```.*?^\1```$/gms, (fenced) => fenced.replaceAll(/[^\n]/g, ''))
}

/** The anchors of a page's headings, as GitHub makes them. */
export function anchorsOf(text: string): ReadonlySet<string> {
  const anchors = new Set<string>()
  for (const [, title = ''] of proseOf(text).matchAll(/^#{1,6} (.+)$/gm)) {
    const anchor = title
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1')
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}_ -]/gu, '')
      .replaceAll(' ', '-')
    let unique = anchor
    for (let again = 1; anchors.has(unique); again++) unique = `${anchor}-${again}`
    anchors.add(unique)
  }
  return anchors
}

/** Words in backticks outside of fences. */
export function codeOf(text: string): readonly string[] {
  return [...proseOf(text).matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code)
}
