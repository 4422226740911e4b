import type { ScreenId } from './route.ts'

/** A sign for each screen, in strokes. */

const PATHS: Readonly<Record<ScreenId, string>> = {
  rollout: 'M2 6h16v8H2zM8 3v14',
  compare: 'M4 17V9M8 17V5M13 17v-6M17 17V7M2 17h16',
  events: 'M5 5h13M5 10h13M5 15h13M2 5h.01M2 10h.01M2 15h.01',
  pairs: 'M2.5 3.5h6v13h-6zM11.5 3.5h6v13h-6z',
  money: 'M10 2v16M14 5.5C13 4 7 3.500 6 6.500S14 10 14 13s-6.500 4-8 1.500',
  requests: 'M3 6h12M12 3l3 3-3 3M17 14H5M8 11l-3 3 3 3',
  health: 'M2 10h4l2-6 4 12 2-6h4',
}

export function Icon({ of }: { readonly of: ScreenId }) {
  return (
    <svg class="icon" viewBox="0 0 20 20" aria-hidden="true">
      <path d={PATHS[of]} />
    </svg>
  )
}
