import { InvalidArgumentError } from 'commander'

/** What an option may be, checked as the command line is read. */

export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const fits = /^\d{1,15}$/.test(text) && Number(text) >= least && Number(text) <= most
    if (fits) return Number(text)
    throw new InvalidArgumentError(`It must be a whole number in ${least}..${most}.`)
  }
}
