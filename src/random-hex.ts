import { randomBytes } from 'node:crypto'

const POOL_BYTES = 4_096
let pool = ''
let spent = 0

/**
 * Chance in hex, drawn by the page, since one draw costs more than it gives.
 * @param bytes 1 to 4,096
 * @returns two digits a byte
 */
export function randomHex(bytes: number): string {
  if (spent + 2 * bytes > pool.length) {
    pool = randomBytes(POOL_BYTES).toString('hex')
    spent = 0
  }
  spent += 2 * bytes
  return pool.slice(spent - 2 * bytes, spent)
}
