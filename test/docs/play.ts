import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ROOT } from '../house/tree.ts'
import { ELSEWHERE } from './not-run.ts'
import { type Block, blocksOf, type Mark, PAGES, pageOf } from './page.ts'
import { type Act, HAPPENINGS, SETTINGS, serve } from './settings.ts'
import { agrees, type Command, commandsOf, holds } from './shown.ts'
import { Stage } from './stage.ts'
import { wholeOf } from './whole.ts'

/**
 * Every command of a page, in order, against real processes and simulated upstreams; what is shown is compared. With
 * `DOCS=write` in the environment what came is written into the page, for a person to read before it is committed.
 */

const WRITES = process.env['DOCS'] === 'write'

/** Where a page begins that says nothing of it. */
const FIRST = 'a fresh checkout'

/** A block that nothing here runs says so, and why, in its first line. */
const NOT_RUN = /^# Not run by the tests: /

export function shellBlocksOf(path: string): readonly Block[] {
  return blocksOf(path).filter(isShell)
}

export function isNotRun({ text }: Block): boolean {
  return NOT_RUN.test(text)
}

/** Pages with a command to run, the first of whose stages is among these. */
export function playsOf(settings: Readonly<Record<string, Act>>): readonly string[] {
  return PAGES.filter((path) => {
    const stages = pageOf(path).parts.filter(({ kind }) => kind === 'stage') as readonly Mark[]
    const [first = { words: FIRST }] = stages
    return (
      first.words in settings &&
      shellBlocksOf(path).some((each) => !isNotRun(each) && !commandsOf(each).every(isElsewhere))
    )
  })
}

/**
 * Plays a page from its first part to its last.
 * @param settings stages beside those of every page
 * @returns each difference between what the page shows and what came
 */
export async function play(
  path: string,
  settings: Readonly<Record<string, Act>> = {},
): Promise<readonly string[]> {
  const playing = new Playing(path, { ...SETTINGS, ...settings })
  try {
    for (const part of pageOf(path).parts) {
      if (part.kind === 'block') await playing.block(part)
      else if (part.kind === 'stage') await playing.begin(part.words)
      else await playing.happen(part.words)
    }
  } finally {
    await playing.end()
  }
  if (WRITES) writeFileSync(join(ROOT, path), playing.text)
  return playing.differences
}

class Playing {
  readonly differences: string[] = []
  readonly #path: string
  readonly #settings: Readonly<Record<string, Act>>
  text: string
  #stage: Promise<Stage> | null = null

  constructor(path: string, settings: Readonly<Record<string, Act>>) {
    this.#path = path
    this.#settings = settings
    this.text = pageOf(path).text
  }

  async begin(words: string): Promise<void> {
    await this.end()
    const setting = this.#settings[words]
    if (setting === undefined) throw new Error(`${this.#path}: no such stage: ${words}`)
    await setting(await this.#here())
  }

  async happen(words: string): Promise<void> {
    const act = HAPPENINGS[words]
    if (act === undefined) throw new Error(`${this.#path}: this cannot happen: ${words}`)
    await act(await this.#here())
  }

  async block(block: Block): Promise<void> {
    const { file, text } = block
    if (file !== null) {
      await (await this.#here()).change(file, (before) =>
        file === 'headgate.yaml' ? (wholeOf(text, before) ?? text) : text,
      )
      return
    }
    if (!isShell(block) || isNotRun(block)) return
    const shown: string[] = []
    for (const command of commandsOf(block)) {
      if (isElsewhere(command)) continue
      const came = await this.#come(command, block)
      shown.push(`$ ${command.text}`, ...(came === '' ? [] : [came]))
      if (command.interrupted) shown.push('^C')
    }
    if (WRITES && block.language === 'console') this.#replace(block, `${shown.join('\n')}\n`)
  }

  async end(): Promise<void> {
    const stage = this.#stage
    this.#stage = null
    await (await stage)?.close()
  }

  /** Runs a command as it asks to be run. @returns what the page should show */
  async #come(command: Command, { line, about }: Block): Promise<string> {
    const stage = await this.#here()
    const { text, shown, exit } = command
    const fits = (output: string): boolean => shown === null || agrees(shown, output, about)
    if (command.stays) {
      if (shown === null) {
        await serve(stage, text)
        return ''
      }
      const end = await stage.start(text, (output) => {
        const said = WRITES && !/\bserve\b/.test(text) && output !== ''
        return said || holds(shown, output, about)
      })
      if (command.interrupted) await end()
      return shown
    }
    const came = await stage.run(text)
    const output = came.output.trimEnd()
    const at = `${this.#path}:${line}: ${text}`
    if (came.exit !== exit) this.differences.push(`${at}\nended with ${came.exit}\n${output}`)
    else if (!fits(output)) this.differences.push(`${at}\nsaid\n${output}`)
    return shown !== null && fits(output) ? shown.trimEnd() : output
  }

  #replace(block: Block, text: string): void {
    const indented = (lines: string): string => lines.replaceAll(/^(?=.)/gm, block.indent)
    this.text = this.text.replace(indented(block.text), () => indented(text))
  }

  #here(): Promise<Stage> {
    this.#stage ??= Stage.open()
    return this.#stage
  }
}

function isShell({ language }: Block): boolean {
  return language === 'sh' || language === 'console'
}

function isElsewhere({ text }: Command): boolean {
  return ELSEWHERE.some(({ commands }) => commands.test(text))
}
