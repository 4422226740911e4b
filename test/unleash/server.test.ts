import { expect, inject, it } from 'vitest'

it('is a real Unleash', async () => {
  const { url, tokens } = inject('unleash')
  const response = await fetch(`${url}/client/features`, {
    headers: { authorization: tokens.development },
  })
  expect(await response.json()).toMatchObject({ version: 2, features: expect.any(Array) })
})
