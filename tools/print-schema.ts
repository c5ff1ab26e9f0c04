// `npm run schema:print`: writes schema.graphql, which is committed so that a change of the API shows in a review.
import { writeFileSync } from 'node:fs'
import { printedSchema, SCHEMA_FILE } from './printed-schema.ts'

writeFileSync(SCHEMA_FILE, printedSchema())
