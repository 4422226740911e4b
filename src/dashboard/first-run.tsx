import type { RolloutView } from '../api/views/rollout.ts'
import { dataUrl } from './live.ts'
import { Copyable, Empty } from './ui.tsx'

/** What one sees before there is anything to see. */

export function NoRollouts() {
  return (
    <Empty title="No rollout is configured">
      <p>
        Headgate passes everything on, and compares nothing. Add a rollout to{' '}
        <code>headgate.yaml</code>, then look again: the file is read when it changes.
      </p>
      <Copyable text={'npx headgate init\nnpx headgate check'} />
      <p>To see a whole rollout first, in a minute and without keys:</p>
      <Copyable text="npx headgate demo" />
    </Empty>
  )
}

/** Connected, and nobody calls. */
export function FirstRequests({ rollout }: { readonly rollout: RolloutView }) {
  const base = dataUrl.value ?? `${location.origin}/v1`
  const { name, state } = rollout
  return (
    <section class="card hint">
      <h2>No request has come yet</h2>
      <p>
        Nothing is judged without traffic: it neither passes nor fails. Send a first request, and
        see in its headers which arm answered.
      </p>
      <Copyable
        text={`curl -i ${base}/chat/completions -H 'content-type: application/json' \\\n  -d '{"model":"gpt-5.2","messages":[{"role":"user","content":"hello"}]}' | grep -i x-headgate`}
      />
      {state === 'idle' && (
        <>
          <p>Then let it climb, here or in a terminal:</p>
          <Copyable text={`npx headgate start ${name} --reason "the relay passed our tests"`} />
        </>
      )}
    </section>
  )
}
