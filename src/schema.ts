// The whole schema of all modules.
import { loadGraphql } from './wiring.ts'

await loadGraphql()

export { buildSchema } from './graphql/build-schema.ts'
