import { useState } from 'preact/hooks'
import { signIn, trouble } from './live.ts'
import { Mark } from './mark.tsx'

/** The token is kept by this tab alone, and sent as a header: never in an address. */

export function SignIn() {
  const [given, setGiven] = useState('')
  return (
    <main class="sign-in">
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault()
          if (given.trim() !== '') signIn(given)
        }}
      >
        <h1>
          <Mark /> Headgate
        </h1>
        <label>
          Control token
          <input
            type="password"
            autocomplete="current-password"
            value={given}
            onInput={({ currentTarget }) => setGiven(currentTarget.value)}
          />
        </label>
        {trouble.value !== null && (
          <p class="missing" role="alert">
            {trouble.value}
          </p>
        )}
        <button type="submit" class="main">
          Sign in
        </button>
        <p class="fine">
          What <code>HEADGATE_TOKEN</code> was set to when Headgate was started, or the viewer’s
          token to look only. This tab keeps it until it is closed.
        </p>
      </form>
    </main>
  )
}
