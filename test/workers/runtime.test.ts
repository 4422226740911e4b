import { expect, test } from 'vitest'

test('this project runs in workerd', () => {
  expect(navigator.userAgent).toBe('Cloudflare-Workers')
})
