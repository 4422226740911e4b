import type { ComponentChildren } from 'preact'
import { wordsOf } from './format.ts'

/** The small parts that screens are made of. */

interface CardProps {
  readonly title: string
  readonly children: ComponentChildren
  /** To the right of the title. */
  readonly aside?: ComponentChildren
  readonly class?: string
  /** It is what the screen is about. */
  readonly main?: boolean
}

export function Card({ title, children, aside, class: name = '', main = false }: CardProps) {
  return (
    <section class={`card ${name}`}>
      <header class="card-head">
        {main ? <h1>{title}</h1> : <h2>{title}</h2>}
        {aside !== undefined && <div class="card-aside">{aside}</div>}
      </header>
      {children}
    </section>
  )
}

/** An arm is told by shape and word as well as by colour. */
export function ArmMark({ arm }: { readonly arm: 'control' | 'canary' }) {
  return (
    <span class={`arm arm-${arm}`}>
      <svg viewBox="0 0 10 10" aria-hidden="true">
        {arm === 'control' ? <circle cx="5" cy="5" r="4" /> : <path d="M5 0 10 5 5 10 0 5z" />}
      </svg>
      {arm}
    </span>
  )
}

const MARKS: Readonly<Record<string, string>> = {
  idle: '○',
  ramping: '▲',
  holding: '◆',
  paused: '❚❚',
  suspended: '!',
  rolled_back: '✕',
  complete: '✓',
}

export function StateMark({ state }: { readonly state: string }) {
  return (
    <span class={`state state-${state}`}>
      <span class="state-mark" aria-hidden="true">
        {MARKS[state] ?? '·'}
      </span>
      {wordsOf(state)}
    </span>
  )
}

const VERDICTS: Readonly<Record<string, readonly [mark: string, words: string]>> = {
  pass: ['✓', 'pass'],
  fail: ['✕', 'fail'],
  inconclusive: ['…', 'not enough data'],
}

export function VerdictMark({ value }: { readonly value: string }) {
  const [mark, words] = VERDICTS[value] ?? ['·', value]
  return (
    <span class={`verdict verdict-${value}`}>
      <span aria-hidden="true">{mark}</span> {words}
    </span>
  )
}

/** Something to copy, and a button that does. */
export function Copyable({ text }: { readonly text: string }) {
  return (
    <div class="copyable">
      <pre>
        <code>{text}</code>
      </pre>
      <button
        type="button"
        class="quiet"
        onClick={() => {
          void navigator.clipboard?.writeText(text)
        }}
      >
        Copy
      </button>
    </div>
  )
}

/** What is not there, why, and what to do. */
export function Empty({
  title,
  children,
}: {
  readonly title: string
  readonly children?: ComponentChildren
}) {
  return (
    <div class="empty">
      <h1>{title}</h1>
      {children}
    </div>
  )
}

interface FilterProps {
  readonly words: string
  /** What is looked through. */
  readonly hint: string
  readonly onWords: (words: string) => void
}

/** What narrows a list; `/` leads there. */
export function Filter({ words, hint, onWords }: FilterProps) {
  return (
    <label class="filter">
      <span class="unseen">Filter</span>
      <input
        data-filter
        type="search"
        placeholder={hint}
        value={words}
        onInput={({ currentTarget }) => onWords(currentTarget.value)}
      />
    </label>
  )
}
