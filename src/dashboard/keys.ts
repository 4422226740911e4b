import { signal } from '@preact/signals'
import { asked } from './actions.tsx'
import { rollout } from './live.ts'
import { addressOf, SCREENS } from './route.ts'

/** The keyboard. Off while somebody types, and nothing that changes traffic is on one key. */

export const helpIsOpen = signal(false)

/** What the help lists. */
export const KEYS: readonly (readonly [keys: string, does: string])[] = [
  ['?', 'this help'],
  [
    'g, then a letter',
    `a screen: ${SCREENS.map(({ key, title }) => `${key} ${title}`).join(', ')}`,
  ],
  ['/', 'to the filter of the screen'],
  ['j, k', 'to the next and the last row'],
  ['.', 'what can be done with this rollout'],
  ['Shift+R', 'roll back: opens the question, with the focus on its button'],
  ['Esc', 'closes what is open'],
]

const CHORD_MS = 1_500
let goneMs = Number.NEGATIVE_INFINITY

/** @returns what ends it */
export function listenToKeys(): () => void {
  addEventListener('keydown', onKey)
  return () => removeEventListener('keydown', onKey)
}

function onKey(event: KeyboardEvent): void {
  if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return
  if (document.querySelector('dialog[open]') !== null) return
  if (performance.now() - goneMs < CHORD_MS) {
    goneMs = Number.NEGATIVE_INFINITY
    const screen = SCREENS.find(({ key }) => key === event.key)
    if (screen === undefined) return
    event.preventDefault()
    location.hash = addressOf(screen.id, rollout.value?.name ?? null)
    return
  }
  if (act(event.key)) event.preventDefault()
}

function act(key: string): boolean {
  switch (key) {
    case 'g':
      goneMs = performance.now()
      return true
    case '?':
      helpIsOpen.value = true
      return true
    case '/':
      document.querySelector<HTMLElement>('[data-filter]')?.focus()
      return true
    case 'j':
      step(1)
      return true
    case 'k':
      step(-1)
      return true
    case '.':
      if (rollout.value !== null) asked.value = 'menu'
      return true
    case 'R':
      if (rollout.value !== null) asked.value = 'rollback'
      return true
    default:
      return false
  }
}

/** Through the rows of the screen. */
function step(by: number): void {
  const rows = [...document.querySelectorAll<HTMLElement>('[data-row]')]
  const here = rows.indexOf(document.activeElement as HTMLElement)
  rows[Math.min(rows.length - 1, Math.max(0, here + by))]?.focus()
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false
  // What was typed into is gone a moment before the focus is.
  if (target.closest('dialog:not([open])') !== null) return false
  return ['INPUT', 'TEXTAREA', 'SELECT'].includes(target.tagName) || target.isContentEditable
}
