/** PRELOAD (`--import`, with `--expose-gc`) of a candidate on Node: at a word of its parent it gives back what nobody needs. */

process.on('message', () => {
  const collect = globalThis.gc as unknown as (options: object) => void
  collect({ type: 'major', execution: 'sync', flavor: 'last-resort' })
  process.send?.({ collected: true })
})
