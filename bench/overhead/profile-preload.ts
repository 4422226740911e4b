import { Session } from 'node:inspector/promises'

/** PRELOAD (`--import`) of a candidate that is profiled: the parent says when, so that neither start nor warm-up counts. */

const session = new Session()
session.connect()

process.on('message', (message: { profile: number | 'stop' }) => {
  const { profile } = message
  void (async () => {
    if (profile === 'stop') {
      process.send?.((await session.post('Profiler.stop')).profile)
      return
    }
    await session.post('Profiler.enable')
    await session.post('Profiler.setSamplingInterval', { interval: profile })
    await session.post('Profiler.start')
    process.send?.({ started: true })
  })()
})
