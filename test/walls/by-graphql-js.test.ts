// The tests of the walls through the API once more, with graphql-js answering everything: it answers what cannot be compiled, and
// operations with a forbidden field. The tests of the edge use schemas of which nothing is compiled; the storm sends no operations.
import { afterAll, describe } from 'vitest'
import { COMPILES_VARIABLE } from '../support/api.ts'

const FILES = ['walls/every-field.test.ts', 'walls/forbidden-fields.test.ts', 'edge/partial-answers.test.ts']

process.env[COMPILES_VARIABLE] = 'false'
afterAll(() => {
  delete process.env[COMPILES_VARIABLE]
})

for (const file of FILES)
  describe(file, async () => {
    // Another name than its own: the worker keeps what it imported before, and a file adds its tests when it is run.
    await import(`${new URL(`../${file}`, import.meta.url)}?by=graphql-js`)
  })
