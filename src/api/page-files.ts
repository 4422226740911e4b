import type { Context, MiddlewareHandler } from 'hono'

/** The page's files: they need no token, since they hold nothing of anybody's; what they then ask for needs one. */

export interface PageFile {
  readonly type: string
  readonly bytes: Uint8Array<ArrayBuffer>
  /** The same, compressed. */
  readonly gzip: Uint8Array<ArrayBuffer>
  /** Its name tells its content: it may be kept for good. */
  readonly named: boolean
}

/** @param path below `/-/`; empty for the page itself. @returns null where there is no such file */
export type PageFiles = (path: string) => PageFile | null

/**
 * What a browser is told of everything below `/-/`: nothing from elsewhere, nothing inline, no frame, no sink for markup.
 * Names of models and words of upstreams stay text even where the page should be wrong about them.
 */
export const CONTENT_POLICY = {
  defaultSrc: ["'self'"],
  scriptSrc: ["'self'"],
  styleSrc: ["'self'"],
  imgSrc: ["'self'"],
  objectSrc: ["'none'"],
  frameAncestors: ["'none'"],
  baseUri: ["'none'"],
  formAction: ["'none'"],
  requireTrustedTypesFor: ["'script'"],
}

const BELOW = '/-/'

/** Answers for the files there are; everything else goes on to whoever wants a token. */
export function pageFiles(files: PageFiles): MiddlewareHandler {
  return async (context, next) => {
    const { method, path } = context.req
    if (method !== 'GET' && method !== 'HEAD') return next()
    if (path === '/-') return context.redirect(BELOW, 308)
    const file = path.startsWith(BELOW) ? files(path.slice(BELOW.length)) : null
    return file === null ? next() : answer(context, file)
  }
}

function answer(context: Context, { type, bytes, gzip, named }: PageFile): Response {
  const compressed = /\bgzip\b/.test(context.req.header('accept-encoding') ?? '')
  return context.body(compressed ? gzip : bytes, 200, {
    'content-type': type,
    'cache-control': named ? 'private, max-age=31536000, immutable' : 'no-store',
    vary: 'accept-encoding',
    ...(compressed ? { 'content-encoding': 'gzip' } : {}),
  })
}
