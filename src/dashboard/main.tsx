import { render } from 'preact'
import { takeTokenFromAddress } from './api.ts'
import { App } from './app.tsx'
import { listenToKeys } from './keys.ts'
import { begin } from './live.ts'
import './style.css'

takeTokenFromAddress()
listenToKeys()
begin()
const root = document.getElementById('page')
if (root !== null) render(<App />, root)
