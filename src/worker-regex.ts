/** RE2 for the constraints of flags, as a module of its own: see deploy/workers/re2js.js. */
export { RE2JS } from 're2js'
