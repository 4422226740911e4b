import { expect, test } from 'vitest'
import { API, api } from './ask.ts'
import { ROUND, VIEWER } from './fake-plane.ts'

test('doctor’s checks are the operator’s to ask for', async () => {
  const { ask } = api()
  const { status, json } = await ask('GET', `${API}/checks`)
  expect([status, json]).toEqual([200, ROUND])
  const refused = await ask('GET', `${API}/checks`, {
    headers: { authorization: `Bearer ${VIEWER}` },
  })
  expect([refused.status, refused.json.error.code]).toEqual([403, 'forbidden'])
})

test('where nobody makes them there are none', async () => {
  const { ask, plane } = api()
  Object.assign(plane, { checks: async () => null })
  expect((await ask('GET', `${API}/checks`)).status).toBe(404)
})
