import { baseUrlRemark } from '../config/base-url.ts'
import { type Check, check } from './check.ts'

/** Base URLs: what is odd about one, and what was probably meant. */

const ENDPOINT = /\/(chat\/completions|completions|embeddings|responses|messages|models)$/

/** `url.shape`. What can never be is a fault of the configuration, and is not asked here. */
export function shapeCheck(about: string, baseUrl: string): Check {
  const remark = baseUrlRemark(baseUrl)
  if (remark === null) return check('url.shape', about, 'ok', `baseUrl is ${baseUrl}`)
  const [nearest] = basesNear(baseUrl)
  const fix = nearest === undefined ? null : `baseUrl: "${nearest}"`
  return check('url.shape', about, 'warning', `baseUrl ${baseUrl} ${remark}`, fix)
}

/** Other bases at the same place, the likeliest first; without a slash at the end, and never the one given. */
export function basesNear(baseUrl: string): readonly string[] {
  const { origin, pathname } = new URL(baseUrl)
  const path = pathname.replace(/\/+$/, '')
  const bare = path.replace(ENDPOINT, '')
  const single = bare.replace(/(\/v1)+$/, '/v1')
  const without = single.replace(/\/v1$/, '')
  const near = [single, bare, `${without}/v1`, without, ...(without === '' ? ['/api/v1'] : [])]
  return [...new Set(near)].filter((one) => one !== path).map((one) => `${origin}${one}`)
}

/** Where a redirect of `base/models` leads, as a base; null where it leads to nothing of the kind. */
export function baseOfRedirect(base: string, location: string | null): string | null {
  if (location === null || !URL.canParse(location, `${base}/models`)) return null
  const { origin, pathname } = new URL(location, `${base}/models`)
  const path = pathname.replace(/\/+$/, '')
  return path.endsWith('/models') && origin.startsWith('http')
    ? `${origin}${path.slice(0, -'/models'.length)}`
    : null
}

/** Where a redirect leads, without what may be secret in it. */
export function targetOfRedirect(base: string, location: string | null): string {
  if (location === null || !URL.canParse(location, `${base}/models`)) return 'nowhere'
  const { origin, pathname } = new URL(location, `${base}/models`)
  return `${origin}${pathname}`
}
