import { computed, signal } from '@preact/signals'

/** Light, dark, or as the system has it. */

export const THEMES = ['system', 'light', 'dark'] as const

export type Choice = (typeof THEMES)[number]

const KEY = 'headgate.theme'
const dark = matchMedia('(prefers-color-scheme: dark)')
const systemIsDark = signal(dark.matches)
dark.addEventListener('change', () => {
  systemIsDark.value = dark.matches
})

const kept = localStorage.getItem(KEY)
export const choice = signal<Choice>(THEMES.find((one) => one === kept) ?? 'system')

/** What is on the screen. */
export const theme = computed<'light' | 'dark'>(() => {
  if (choice.value !== 'system') return choice.value
  return systemIsDark.value ? 'dark' : 'light'
})

export function choose(next: Choice): void {
  choice.value = next
  localStorage.setItem(KEY, next)
  if (next === 'system') delete document.documentElement.dataset['theme']
  else document.documentElement.dataset['theme'] = next
}
