/** Of semver, what unleash-client asks about versions: its own files, without ranges. */
export { default as eq } from '../../node_modules/semver/functions/eq.js'
export { default as gt } from '../../node_modules/semver/functions/gt.js'
export { default as gte } from '../../node_modules/semver/functions/gte.js'
export { default as lt } from '../../node_modules/semver/functions/lt.js'
export { default as lte } from '../../node_modules/semver/functions/lte.js'
export { default as valid } from '../../node_modules/semver/functions/valid.js'
