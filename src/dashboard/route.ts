import { computed, signal } from '@preact/signals'

/** Where one is: `#/rollout/relay`. A link to a screen is a link for a colleague. */

export const SCREENS = [
  { id: 'rollout', title: 'Rollout', key: 'r' },
  { id: 'compare', title: 'Compare', key: 'c' },
  { id: 'events', title: 'Events', key: 'e' },
  { id: 'pairs', title: 'Pairs', key: 'p' },
  { id: 'money', title: 'Money', key: 'm' },
  { id: 'requests', title: 'Requests', key: 'q' },
  { id: 'health', title: 'Health', key: 'h' },
] as const

export type ScreenId = (typeof SCREENS)[number]['id']

interface Place {
  readonly screen: ScreenId
  /** Null: whichever comes first. */
  readonly rollout: string | null
  /** What of the screen, such as one request. */
  readonly item: string | null
}

const address = signal(location.hash)
addEventListener('hashchange', () => {
  address.value = location.hash
})

export const place = computed<Place>(() => {
  const [, screen, rollout, item] = address.value.split('/').map(textOf)
  return {
    screen: SCREENS.find(({ id }) => id === screen)?.id ?? 'rollout',
    rollout: rollout || null,
    item: item || null,
  }
})

/** An address for a screen, with what it is of. */
export function addressOf(screen: ScreenId, rollout: string | null, item?: string): string {
  const parts = [screen, rollout ?? '', ...(item === undefined ? [] : [item])]
  return `#/${parts.map(encodeURIComponent).join('/')}`
}

/** What somebody mistyped in an address is no reason to fail. */
function textOf(part: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    return part
  }
}
