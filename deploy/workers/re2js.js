/**
 * In place of re2js, which is a fifth of the Worker and of use to flags with a REGEX constraint only: it is uploaded beside the Worker, and loaded
 * before an isolate takes a document that has one (src/worker-lazy.ts). Before that nothing compiles, which unleash-client takes for no match.
 */
const real = () => globalThis[Symbol.for('headgate.re2js')]

export const RE2JS = {
  get CASE_INSENSITIVE() {
    return real().CASE_INSENSITIVE
  },
  compile: (pattern, flags) => real().compile(pattern, flags),
}
