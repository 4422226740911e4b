import { signal } from '@preact/signals'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import type { RolloutView } from '../api/views/rollout.ts'
import { ACTIONS, knownName, send, sending, type Verb, whyNot } from './commands.ts'

/** Buttons for what a person may do, and the dialog that asks who and why. */

/** The dialog that is open; `menu` lists all there is to do. */
export const asked = signal<Verb | 'menu' | null>(null)

interface ButtonProps {
  readonly rollout: RolloutView
  readonly verb: Verb
  /** Does it, rather than to ask first. */
  readonly atOnce?: boolean
}

/** A button that makes no sense now says why, to everybody. */
export function ActionButton({ rollout, verb, atOnce = false }: ButtonProps) {
  const { label, does } = ACTIONS[verb]
  const why = whyNot(verb, rollout)
  const press = (): void => {
    if (why !== null) return
    if (atOnce) void send(verb, rollout, { by: knownName(), reason: 'rolled back from the page' })
    else asked.value = verb
  }
  return (
    <button
      type="button"
      class={verb === 'rollback' ? 'danger' : verb === 'start' || verb === 'rearm' ? 'main' : ''}
      aria-disabled={why !== null}
      title={why ?? does}
      onClick={press}
    >
      {sending.value === verb ? `${label}…` : atOnce ? `${label} to 0 %` : label}
      {why !== null && <span class="unseen"> ({why})</span>}
    </button>
  )
}

/** What makes sense now comes first; what does not is in the menu, with its reason. */
export function Actions({ rollout }: { readonly rollout: RolloutView }) {
  // Rearm is beside the reason for it, in the banner.
  const verbs = (['start', 'pause', 'resume', 'advance'] as const).filter(
    (verb) => whyNot(verb, rollout) === null || isUsual(verb, rollout),
  )
  return (
    <div class="actions">
      <ActionButton rollout={rollout} verb="rollback" atOnce />
      {verbs.map((verb) => (
        <ActionButton key={verb} rollout={rollout} verb={verb} />
      ))}
      <button
        type="button"
        class="quiet"
        aria-haspopup="dialog"
        aria-keyshortcuts="."
        onClick={() => {
          asked.value = 'menu'
        }}
      >
        More…
      </button>
    </div>
  )
}

/** Shown although it cannot be pressed, so that one sees what there would be. */
function isUsual(verb: Verb, { state }: RolloutView): boolean {
  if (state === 'rolled_back') return false
  if (state === 'idle') return verb === 'start'
  return verb === 'advance' || verb === (state === 'paused' ? 'resume' : 'pause')
}

export function ActionDialog({ rollout }: { readonly rollout: RolloutView }) {
  const open = asked.value
  const box = useRef<HTMLDialogElement>(null)
  // Before anybody can type: a caret that moves later takes what is typed elsewhere with it.
  useLayoutEffect(() => {
    // A modal dialog keeps the focus in, and gives it back when it closes.
    if (open === null) box.current?.close()
    else if (box.current?.open === false) box.current.showModal()
    box.current?.querySelector<HTMLElement>('[data-first]')?.focus()
  }, [open])
  const close = (): void => {
    asked.value = null
  }
  return (
    <dialog ref={box} onClose={close} aria-labelledby="dialog-title">
      {open === 'menu' && <Menu rollout={rollout} />}
      {open !== null && open !== 'menu' && (
        <Question key={open} rollout={rollout} verb={open} onDone={close} />
      )}
    </dialog>
  )
}

const ALL: readonly Verb[] = [
  'rollback',
  'pause',
  'resume',
  'advance',
  'set',
  'promote',
  'start',
  'rearm',
  'note',
]

function Menu({ rollout }: { readonly rollout: RolloutView }) {
  return (
    <>
      <h2 id="dialog-title">What to do with {rollout.name}</h2>
      <ul class="menu">
        {ALL.map((verb) => {
          const why = whyNot(verb, rollout)
          return (
            <li key={verb}>
              <button
                type="button"
                aria-disabled={why !== null}
                onClick={() => {
                  if (why === null) asked.value = verb
                }}
              >
                <strong>{ACTIONS[verb].label}</strong>
                <span>{why ?? ACTIONS[verb].does}</span>
              </button>
            </li>
          )
        })}
      </ul>
      <footer>
        <button
          type="button"
          onClick={() => {
            asked.value = null
          }}
        >
          Close
        </button>
      </footer>
    </>
  )
}

const MISSING = { reason: 'The reason is missing.', note: 'The text is missing.' } as const

interface QuestionProps {
  readonly rollout: RolloutView
  readonly verb: Verb
  readonly onDone: () => void
}

/** Who, why, and for `promote` the rollout's name: what takes traffic to a canary is not done by accident. */
function Question({ rollout, verb, onDone }: QuestionProps) {
  const { label, does } = ACTIONS[verb]
  const isBrake = verb === 'rollback' || verb === 'pause'
  const [by, setBy] = useState(knownName())
  const [reason, setReason] = useState('')
  const [percent, setPercent] = useState(String(rollout.share.height))
  const [typed, setTyped] = useState('')
  // What the person saw when the question came up: a change since is a conflict, not theirs to overrule.
  const [seen] = useState(rollout)
  const share = Number(percent)
  const missing =
    whyNot(verb, rollout) ??
    (!isBrake && by.trim() === '' ? 'Your name is missing.' : null) ??
    (!isBrake && reason.trim() === '' ? MISSING[verb === 'note' ? 'note' : 'reason'] : null) ??
    (verb === 'set' && !(percent.trim() !== '' && share >= 0 && share <= 100)
      ? 'The share must be in 0 to 100 %.'
      : null) ??
    (verb === 'promote' && typed !== rollout.name ? `Type ${rollout.name} to confirm.` : null)
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault()
    if (missing !== null) return
    const signature = { by, reason, ...(verb === 'set' ? { percent: share } : {}) }
    await send(verb, seen, signature)
    onDone()
  }
  return (
    <form onSubmit={submit}>
      <h2 id="dialog-title">
        {label} {rollout.name}
      </h2>
      <p>{does}</p>
      {verb === 'set' && (
        <label>
          Share, in %
          <input
            data-first
            inputMode="decimal"
            value={percent}
            onInput={({ currentTarget }) => setPercent(currentTarget.value)}
          />
        </label>
      )}
      <label>
        Your name{isBrake ? ' (may be empty)' : ''}
        <input
          data-first={isBrake ? undefined : true}
          autocomplete="name"
          value={by}
          onInput={({ currentTarget }) => setBy(currentTarget.value)}
        />
      </label>
      <label>
        {verb === 'note' ? 'What' : `Why${isBrake ? ' (may be empty)' : ''}`}
        <input value={reason} onInput={({ currentTarget }) => setReason(currentTarget.value)} />
      </label>
      {verb === 'promote' && (
        <label>
          Type <code>{rollout.name}</code> to confirm
          <input
            autocomplete="off"
            value={typed}
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </label>
      )}
      <p class="missing" aria-live="polite">
        {missing ?? '\u00a0'}
      </p>
      <footer>
        <button
          type="submit"
          data-first={isBrake ? true : undefined}
          class={verb === 'rollback' ? 'danger' : 'main'}
          aria-disabled={missing !== null}
        >
          {verb === 'rollback' ? 'Roll back to 0 % now' : label}
        </button>
        <button type="button" onClick={onDone}>
          Cancel
        </button>
      </footer>
    </form>
  )
}
