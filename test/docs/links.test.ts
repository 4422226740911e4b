import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { describe, expect, it, test } from 'vitest'
import { ROOT } from '../house/tree.ts'
import { anchorsOf, PAGES, pageOf, proseOf } from './page.ts'

const linksOf = (path: string): readonly string[] =>
  [...proseOf(pageOf(path).text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = '']) => link)

describe('the links of', () => {
  it.each(PAGES.filter((path) => linksOf(path).length > 0))('%s lead somewhere', (path) => {
    const lost = linksOf(path).filter((link) => {
      if (/^(https?|mailto):/.test(link)) return false
      const [file = '', anchor] = link.split('#')
      const target = file === '' ? path : normalize(join(dirname(path), file))
      if (target.startsWith('..') || !existsSync(join(ROOT, target))) return true
      return anchor !== undefined && !anchorsOf(pageOf(target).text).has(anchor)
    })
    expect(lost).toEqual([])
  })
})

test('anchors are those that GitHub makes', () => {
  const anchors = anchorsOf(
    '# What a `--flag` is, [here](x.md)\n```sh\n# no heading\n```\n## A\n## A\n',
  )
  expect([...anchors]).toEqual(['what-a---flag-is-here', 'a', 'a-1'])
})

test('the index leads to every page', () => {
  const linked = linksOf('docs/README.md').map((link) =>
    normalize(join('docs', link.split('#')[0] ?? '')),
  )
  const pages = PAGES.filter((path) => path.startsWith('docs/') && path !== 'docs/README.md')
  expect(pages.filter((path) => !linked.includes(path))).toEqual([])
})

test('each page says first what its reader will be able to do', () => {
  const pages = PAGES.filter((path) => path.startsWith('docs/'))
  const silent = pages.filter(
    (path) =>
      !/^(After this page|At the end of this page) /m.test(
        proseOf(pageOf(path).text).slice(0, 500),
      ),
  )
  expect(silent).toEqual([])
})

test('pictures are shown, and those that are there', () => {
  const folder = join(ROOT, 'docs/images')
  const shown = PAGES.flatMap((path) =>
    linksOf(path).map((link) => normalize(join(dirname(path), link))),
  )
  const pictures = existsSync(folder) ? readdirSync(folder) : []
  for (const name of pictures.filter((each) => statSync(join(folder, each)).isFile())) {
    expect(shown).toContain(`docs/images/${name}`)
  }
})
