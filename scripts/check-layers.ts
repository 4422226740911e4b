import { resolve } from 'node:path'
import { cruise, type ICruiseResult } from 'dependency-cruiser'
import extractOptions from 'dependency-cruiser/config-utl/extract-depcruise-options'

/** What the layer check found under one root. */
export interface LayerReport {
  readonly modules: number
  readonly violations: readonly {
    readonly rule: string
    readonly from: string
    readonly to: string
  }[]
}

/** Runs the rules of `.dependency-cruiser.cjs` over `src/` below `root`. */
export async function layersOf(root: string): Promise<LayerReport> {
  const config = resolve(import.meta.dirname, '../.dependency-cruiser.cjs')
  const options = await extractOptions(config)
  const { output } = await cruise(['src'], { ...options, baseDir: resolve(root) })
  const { modules, summary } = output as ICruiseResult
  return {
    modules: modules.filter((module) => module.source.startsWith('src/')).length,
    violations: summary.violations.map(({ rule, from, to }) => ({ rule: rule.name, from, to })),
  }
}

if (import.meta.main) {
  const { modules, violations } = await layersOf(process.argv[2] ?? '.')
  for (const { rule, from, to } of violations) console.error(`${rule}: ${from} -> ${to}`)
  // A TypeScript that dependency-cruiser cannot read yields no modules, and so no violations.
  if (modules === 0) console.error('no module was cruised: the rules have seen nothing')
  console.log(`layers: ${modules} modules, ${violations.length} violations`)
  process.exitCode = modules === 0 || violations.length > 0 ? 1 : 0
}
