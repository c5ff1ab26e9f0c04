// The payment sandbox's URL for this test run.
import { inject } from 'vitest'

export function sandboxUrl(): string {
  const url = inject('companionUrl')
  if (url === null) throw new Error('the run has no payment sandbox')
  return url
}
