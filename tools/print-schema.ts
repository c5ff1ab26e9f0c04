// `npm run schema:print`: writes schema.graphql, which is committed so that a change of the API shows in a review, and the
// table of permissions in docs/api-keys.md.
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { TABLE_FILE, withPermissionTable } from './permission-table.ts'
import { printedSchema, SCHEMA_FILE } from './printed-schema.ts'

writeFileSync(SCHEMA_FILE, printedSchema())
if (existsSync(TABLE_FILE)) writeFileSync(TABLE_FILE, withPermissionTable(readFileSync(TABLE_FILE, 'utf8')))
