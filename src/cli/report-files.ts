import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import type { Context } from './command.ts'
import { EXIT } from './exit.ts'
import { Failure } from './failure.ts'

/** Files that a person names on the command line. */

/** Blocks. @throws {Failure} where it cannot be read */
export function textOfFile(file: string, option: string, { cwd }: Context): string {
  try {
    return readFileSync(resolve(cwd, file), 'utf8')
  } catch {
    throw new Failure(EXIT.usage, `${option} ${file} cannot be read`, 'Check the path.')
  }
}

/** Blocks; makes its folder. @throws {Failure} where it cannot be written */
export function writeReport(file: string, text: string, { cwd, output }: Context): void {
  const path = resolve(cwd, file)
  try {
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, text)
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
    throw new Failure(EXIT.failed, `${file} cannot be written (${code})`, 'Check the path.')
  }
  output.say(`wrote ${file}`)
}
