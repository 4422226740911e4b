import { readdirSync, readFileSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import {
  type Answers,
  configText,
  envText,
  flagsText,
  type Place,
  type Template,
} from './starter.ts'

/** Which files a template has, and where: what is the same for everybody is copied from `deploy/`. */

export interface StarterFile {
  /** Below the folder that is written to. */
  readonly path: string
  readonly text: string
}

/** The checkout that this runs from. */
const ROOT = resolve(import.meta.dirname, '../..')

/** Below the folder: where `headgate.yaml` is. */
export const CONFIG_FOLDERS: Readonly<Record<Template, string>> = {
  node: '.',
  workers: '.',
  docker: 'config',
  kubernetes: 'kubernetes/config',
}

/**
 * @param folder absolute
 * @throws what reading `deploy/` throws
 */
export function layout(
  answers: Answers,
  { template, callerSha256 }: Omit<Place, 'schemaPath'>,
  folder: string,
): readonly StarterFile[] {
  const at = CONFIG_FOLDERS[template]
  const schema = pathFrom(join(folder, at), 'schema/headgate.v1.json')
  return [
    {
      path: join(at, 'headgate.yaml'),
      text: configText(answers, { template, callerSha256, schemaPath: schema }),
    },
    { path: join(at, 'flags/relay.json'), text: flagsText(1) },
    {
      path: template === 'workers' ? '.dev.vars.example' : '.env.example',
      text: envText(answers.official, template),
    },
    ...besides(template, folder),
  ]
}

function besides(template: Template, folder: string): readonly StarterFile[] {
  switch (template) {
    case 'node':
      return []
    case 'docker':
      return [{ path: 'compose.yaml', text: textOf('deploy/docker/compose.yaml') }]
    case 'kubernetes':
      return readdirSync(join(ROOT, 'deploy/kubernetes'))
        .filter((name) => name.endsWith('.yaml'))
        .map((name) => ({
          path: join('kubernetes', name),
          text: textOf(join('deploy/kubernetes', name)),
        }))
    case 'workers':
      // In the checkout itself its own is there.
      return folder === ROOT ? [] : [{ path: 'wrangler.toml', text: wranglerText(folder) }]
  }
}

/** That of the checkout, as it is seen from elsewhere. */
function wranglerText(folder: string): string {
  const from = (path: string): string => pathFrom(folder, path)
  return textOf('wrangler.toml')
    .replace(
      /^# .*$/m,
      '# Headgate on Cloudflare Workers: docs/deploy/workers.md of the project, step by step.',
    )
    .replace('"src/worker.ts"', `"${from('src/worker.ts')}"`)
    .replaceAll(/node (scripts\/[\w-]+\.ts)/g, (_, path) => `node ${from(path)}`)
    .replaceAll(/"(dist\/\w+)"/g, (_, path) => `"${from(path)}"`)
    .replace(/watch_dir = \[.*?\]/, 'watch_dir = ["flags"]')
    .replaceAll(/"\.\/((?:deploy|dist|node_modules)\/[^"]+)"/g, (_, path) => `"${from(path)}"`)
}

/** Always with a dot in front: a bare name is a package to some. */
function pathFrom(folder: string, path: string): string {
  const seen = relative(folder, join(ROOT, path))
  return seen.startsWith('.') ? seen : `./${seen}`
}

function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8')
}
