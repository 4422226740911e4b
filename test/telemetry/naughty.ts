/** What somebody may write who wants a line of its own in a log, or a terminal to obey. */
export const NAUGHTY = [
  'a\n{"level":"ERROR","message":"forged"}',
  'b\r\nforged',
  '\u001b[31mred\u001b[0m',
  '\u009b31mred',
  '\u0000\u0007\u007f\u0085\u2028\u2029',
  '"}{"',
  '\ud800',
  '%s %d %j',
  `\${jndi:ldap://x}`,
]

/** One JSON object, and nothing in it that moves a cursor or begins a line. */
export function isWellMade(line: string): boolean {
  const { level, message } = JSON.parse(line)
  const characters = [...line].map((character) => character.codePointAt(0) ?? 0)
  const plain = characters.every(
    (code) => code >= 0x20 && !(code >= 0x7f && code <= 0x9f) && code !== 0x2028 && code !== 0x2029,
  )
  return plain && typeof level === 'string' && typeof message === 'string'
}
