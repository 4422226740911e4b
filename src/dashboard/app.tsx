import { useEffect, useRef } from 'preact/hooks'
import { ActionDialog } from './actions.tsx'
import { Banners } from './banners.tsx'
import { NoRollouts } from './first-run.tsx'
import { Icon } from './icon.tsx'
import { helpIsOpen, KEYS } from './keys.ts'
import { connection, rollout, rollouts, signOut, trouble } from './live.ts'
import { Mark } from './mark.tsx'
import { addressOf, place, SCREENS } from './route.ts'
import { CompareScreen } from './screens/compare.tsx'
import { EventsScreen } from './screens/events.tsx'
import { HealthScreen } from './screens/health.tsx'
import { MoneyScreen } from './screens/money.tsx'
import { PairsScreen } from './screens/pairs.tsx'
import { RequestsScreen } from './screens/requests.tsx'
import { RolloutScreen } from './screens/rollout.tsx'
import { SignIn } from './sign-in.tsx'
import { choice, choose, THEMES } from './theme.ts'
import { Empty, StateMark } from './ui.tsx'

/** The page: who one is, which rollout, which screen. */

export function App() {
  const shown = rollout.value
  useEffect(() => {
    document.title = shown === null ? 'Headgate' : titleOf(shown)
  }, [shown])
  if (connection.value === 'signed_out') return <SignIn />
  return (
    <>
      <a class="skip" href="#main">
        To the content
      </a>
      <Head />
      <Screens />
      <main id="main" tabIndex={-1}>
        <Banners rollout={shown} />
        <Content />
      </main>
      {shown !== null && <ActionDialog rollout={shown} />}
      <Help />
    </>
  )
}

function titleOf({ name, state, share }: NonNullable<typeof rollout.value>): string {
  return `${state === 'rolled_back' ? '✕ ' : ''}${name} ${share.target} % · Headgate`
}

function Head() {
  const all = rollouts.value ?? []
  const { screen } = place.value
  return (
    <header class="head">
      <a class="brand" href="#/rollout" aria-label="Headgate">
        <Mark />
        <span>Headgate</span>
      </a>
      {all.length > 0 && (
        <nav aria-label="Rollouts" class="rollouts">
          {all.map((one) => (
            <a
              key={one.name}
              href={addressOf(screen, one.name)}
              aria-current={one.name === rollout.value?.name ? 'page' : undefined}
            >
              {one.name} <StateMark state={one.state} />
            </a>
          ))}
        </nav>
      )}
      <div class="head-end">
        <span class={`link link-${connection.value}`} role="status">
          <span aria-hidden="true" class="dot" />
          {CONNECTIONS[connection.value]}
        </span>
        <label class="theme">
          <span class="unseen">Theme</span>
          <select
            value={choice.value}
            onChange={({ currentTarget }) => {
              choose(THEMES.find((one) => one === currentTarget.value) ?? 'system')
            }}
          >
            {THEMES.map((one) => (
              <option key={one} value={one}>
                {one}
              </option>
            ))}
          </select>
        </label>
        <button
          type="button"
          class="quiet help-button"
          aria-keyshortcuts="?"
          onClick={() => {
            helpIsOpen.value = true
          }}
        >
          ?<span class="unseen"> Keys</span>
        </button>
        <button type="button" class="quiet" onClick={() => signOut()}>
          Sign out
        </button>
      </div>
    </header>
  )
}

const CONNECTIONS = {
  connecting: 'connecting',
  live: 'live',
  lost: 'not reached',
  signed_out: 'signed out',
} as const

function Screens() {
  const { screen } = place.value
  return (
    <nav aria-label="Screens" class="screens">
      {SCREENS.map(({ id, title, key }) => (
        <a
          key={id}
          href={addressOf(id, rollout.value?.name ?? null)}
          aria-current={id === screen ? 'page' : undefined}
          aria-keyshortcuts={`g ${key}`}
        >
          <Icon of={id} />
          {title}
        </a>
      ))}
    </nav>
  )
}

function Content() {
  const { screen, rollout: wanted } = place.value
  if (rollouts.value === null) {
    return (
      <Empty title={trouble.value === null ? 'One moment' : 'Headgate cannot be reached'}>
        <p>{trouble.value ?? 'Asking Headgate how things stand.'}</p>
      </Empty>
    )
  }
  if (screen === 'events') return <EventsScreen />
  if (screen === 'health') return <HealthScreen />
  if (rollouts.value.length === 0) return <NoRollouts />
  if (rollout.value === null) {
    return <Empty title={`There is no rollout ${wanted}`} />
  }
  const Screen = OF_A_ROLLOUT[screen]
  return <Screen key={rollout.value.name} rollout={rollout.value} />
}

const OF_A_ROLLOUT = {
  rollout: RolloutScreen,
  compare: CompareScreen,
  pairs: PairsScreen,
  money: MoneyScreen,
  requests: RequestsScreen,
} as const

function Help() {
  const box = useRef<HTMLDialogElement>(null)
  const open = helpIsOpen.value
  useEffect(() => {
    if (open) box.current?.showModal()
    else box.current?.close()
  }, [open])
  const close = (): void => {
    helpIsOpen.value = false
  }
  return (
    <dialog ref={box} onClose={close} aria-labelledby="help-title">
      <h2 id="help-title">Keys</h2>
      <dl class="keys">
        {KEYS.map(([keys, does]) => (
          <div key={keys}>
            <dt>
              <kbd>{keys}</kbd>
            </dt>
            <dd>{does}</dd>
          </div>
        ))}
      </dl>
      <footer>
        <button type="button" onClick={close}>
          Close
        </button>
      </footer>
    </dialog>
  )
}
