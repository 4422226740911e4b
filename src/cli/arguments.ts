import { InvalidArgumentError } from 'commander'

/** What an option may be, checked as the command line is read. */

/** `2026-11-26`. */
export function day(text: string): string {
  const exists = /^\d{4}-\d{2}-\d{2}$/.test(text) && new Date(text).toJSON()?.startsWith(text)
  if (exists) return text
  throw new InvalidArgumentError('It must be a day such as 2026-11-26.')
}

/** `1%` or `0.5%`, as a part of 1. */
export function part(text: string): number {
  if (/^\d{1,3}(\.\d{1,4})?%$/.test(text)) return Number.parseFloat(text) / 100
  throw new InvalidArgumentError('It must be a percentage such as 1% or 0.5%.')
}

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const fits = /^\d{1,15}$/.test(text) && Number(text) >= least && Number(text) <= most
    if (fits) return Number(text)
    throw new InvalidArgumentError(`It must be a whole number in ${least}..${most}.`)
  }
}

export function number(least: number, most: number): (text: string) => number {
  return (text) => {
    const fits = /^\d{1,9}(\.\d{1,6})?$/.test(text) && Number(text) >= least && Number(text) <= most
    if (fits) return Number(text)
    throw new InvalidArgumentError(`It must be a number in ${least}..${most}.`)
  }
}

/** For an option that may be given more than once. */
export function repeated(text: string, before: readonly string[]): readonly string[] {
  return [...before, text]
}
