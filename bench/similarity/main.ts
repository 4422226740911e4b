import { parseArgs } from 'node:util'
import { markdown } from '../judge/report.ts'
import { localModel } from './local-model.ts'
import { embedded, lexical, type Measure, type Scored } from './measures.ts'
import { type Kind, PAIRS } from './pairs.ts'

/** START HERE: `npm run bench:similarity`. What similarity can and cannot tell, by pairs written by hand. */

const HELP = `npm run bench:similarity -- [--model FOLDER]

--model   a folder in which @energetic-ai/{core,embeddings,model-embeddings-en} 0.2.0 are installed: measured besides`

const { values } = parseArgs({
  options: { model: { type: 'string' }, help: { type: 'boolean', default: false } },
})
if (values.help) {
  console.log(HELP)
  process.exit()
}

const measures: [name: string, measure: Measure][] = [['lexical', lexical]]
if (values.model !== undefined) {
  const model = await localModel(values.model)
  measures.push([model.model, embedded(model)])
}

const KINDS = [...new Set(PAIRS.map(({ kind }) => kind))]
const rangeOf = (values: readonly number[]): string => {
  const sorted = [...values].sort((a, b) => a - b)
  const at = (part: number) => (sorted[Math.round((sorted.length - 1) * part)] as number).toFixed(2)
  return `${at(0.5)} (${at(0)}–${at(1)})`
}

for (const [name, measure] of measures) {
  const byKind = new Map<Kind, Scored[]>()
  const began = performance.now()
  for (const pair of PAIRS)
    byKind.set(pair.kind, [...(byKind.get(pair.kind) ?? []), await measure(pair)])
  const ms = (performance.now() - began) / PAIRS.length
  const rows = KINDS.map((kind) => {
    const scores = byKind.get(kind) ?? []
    const cosines = scores.map((one) => one.cosine).filter((one) => one !== null)
    const alike = scores.filter(
      ({ verdict }) => verdict === 'same' || verdict === 'equivalent',
    ).length
    return [
      kind,
      String(scores.length),
      ...(cosines.length > 0 ? [rangeOf(cosines)] : []),
      rangeOf(scores.map(({ score }) => score)),
      `${alike} of ${scores.length}`,
    ]
  })
  const head = [
    '',
    'pairs',
    ...(name === 'lexical' ? [] : ['cosine alone']),
    'score',
    'same or equivalent',
  ]
  console.log(
    `## ${name}\n\n${markdown([head, ...rows]).join('\n')}\n\n${ms.toFixed(2)} ms a pair\n`,
  )
}
