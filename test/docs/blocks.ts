import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../house/tree.ts'

/** A fenced block of a page, so that what a page says can be run. */
export interface Block {
  /** `sh`, `js`, `yaml`, … */
  readonly language: string
  /** The file that it is, where the fence names one. */
  readonly file: string | null
  readonly text: string
}

/** @param page below docs/ @returns its blocks in order */
export function blocksOf(page: string): readonly Block[] {
  const text = readFileSync(join(ROOT, 'docs', page), 'utf8')
  return [...text.matchAll(/^```(\w+)(?: (\S+))?\n(.*?)^```$/gms)].map(
    ([, language = '', file = null, body = '']) => ({ language, file, text: body }),
  )
}
