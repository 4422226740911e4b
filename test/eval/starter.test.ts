import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { executorOf } from '../../src/cli/execute.ts'
import { type CheckLanguage, type Prompt, parsePrompts } from '../../src/eval/prompt.ts'

const FOLDER = join(import.meta.dirname, '../../src/eval/starter')
const EXTENSIONS: Readonly<Record<CheckLanguage, string>> = {
  python: 'py',
  typescript: 'ts',
  rust: 'rs',
}

const prompts = readdirSync(FOLDER).flatMap((name): readonly Prompt[] => {
  const parsed = parsePrompts(readFileSync(join(FOLDER, name), 'utf8'), name)
  if (!parsed.ok) throw new Error(parsed.faults.join('\n'))
  return parsed.items
})
const checked = prompts.filter(({ check }) => check !== null)
const executor = executorOf(process.env['PATH'])

/** What a careful engineer would answer: beside this file, so that nobody's training finds it under `src/`. */
function referenceFor({ id, check }: Prompt): string {
  const language = check?.language ?? 'python'
  const file = join(import.meta.dirname, 'starter', `${id}.${EXTENSIONS[language]}.txt`)
  return `Here it is.\n\n\`\`\`${language}\n${readFileSync(file, 'utf8')}\`\`\`\n`
}

/** One fault each, of the kind that looks right. */
const FAULTS: Readonly<Record<string, readonly [right: string, wrong: string]>> = {
  'generation-py-simple': ['if total > _MOST:', 'if total > 2 * _MOST:'],
  'generation-py-moderate': ['        self._drop_expired()\n        while', '        while'],
  'generation-py-complex': [
    'for start in sorted(alive):',
    'for start in sorted(alive, reverse=True):',
  ],
  'generation-ts-simple': ['end: Math.min(end, size - 1)', 'end'],
  'generation-ts-moderate': ['2 ** (tryNumber - 1)', '2 ** tryNumber'],
  'generation-ts-complex': ["if (chunk[from] === '\\n') from++", ''],
  'generation-rs-simple': ['length > 0 && length + 1', 'length + 1'],
  'generation-rs-moderate': [
    'self.values.drain(..over)',
    'self.values.drain(self.values.len() - over..)',
  ],
  'generation-rs-complex': ['Some(if exponent % 2 == 0 { 1 } else { -1 })', 'Some(-1)'],
  'tests-py-simple': ['(True, 1), (1, True), ', ''],
  'tests-ts-simple': ['assert.throws(() => paginate([1, 2], 1, bad), RangeError', 'assert.ok(true'],
  'refactoring-py-simple': ['if quantity >= 10', 'if quantity > 10'],
  'refactoring-ts-simple': ['text.length > MOST_TEXT', 'text.length >= MOST_TEXT'],
  'refactoring-ts-moderate': ['throw errors[0]', 'throw errors.at(-1)'],
  'refactoring-rs-simple': ['wrapping_add(count)', 'saturating_add(count)'],
  'tests-rs-simple': [
    '        (&[(0, max)], &[(0, max)]),\n        (&[(0, 1), (max - 1, max)], &[(0, 1), (max - 1, max)]),\n',
    '',
  ],
}

describe('the starter set', () => {
  test('has five domains in three languages and three tiers, a third of it with checks', () => {
    const of = (key: 'domain' | 'language' | 'tier') =>
      [...new Set(prompts.map((one) => one[key]))].sort()
    expect(of('domain')).toEqual(['generation', 'multi_file', 'refactoring', 'review', 'tests'])
    expect(of('language')).toEqual(['python', 'rust', 'typescript'])
    expect(of('tier')).toEqual(['complex', 'moderate', 'simple'])
    const cells = new Set(prompts.map((one) => `${one.domain}/${one.language}/${one.tier}`))
    expect(cells.size).toBe(45)
    expect(checked.length).toBeGreaterThanOrEqual(prompts.length / 3)
    expect(new Set(prompts.map(({ id }) => id)).size).toBe(prompts.length)
    for (const { messages } of prompts) expect(messages[0]?.content.length).toBeGreaterThan(400)
  })

  test('each check is passed by an answer that is right, and by none with one fault', () => {
    expect(Object.keys(FAULTS).sort()).toEqual(checked.map(({ id }) => id).sort())
  })

  test.each(checked.map((prompt) => [prompt.id, prompt] as const))(
    '%s',
    { timeout: 60_000 },
    async (id, prompt) => {
      const { check } = prompt
      if (check === null) return
      const answer = referenceFor(prompt)
      const found = await executor.check(answer, check)
      if (executor.tools[check.language] === undefined) {
        expect(found.result).toBe('not_checked')
        return
      }
      expect(found).toEqual({ result: 'passed', words: '' })
      const [right, wrong] = FAULTS[id] ?? ['', '']
      expect(answer.split(right).length).toBe(2)
      const broken = await executor.check(
        answer.replace(right, () => wrong),
        check,
      )
      expect(broken.result).toBe('failed')
    },
  )
})
