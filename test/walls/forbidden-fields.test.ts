// Each nested field × a caller without its permission: null, an error at its path, and no statement that reads its table.
// Generated from the schema; new fields are covered without further work.
import { type GraphQLObjectType, getNamedType, isObjectType } from 'graphql'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { GrantablePermission } from '../../src/auth/permissions.ts'
import { type ModelName, modelOf } from '../../src/db/register.ts'
import { buildSchema } from '../../src/schema.ts'
import { type Api, startApi } from '../support/api.ts'
import { documentOf } from '../support/operations.ts'
import { countStatements } from '../support/statements.ts'
import { keyWith, shows } from './bearers.ts'
import { makeSecrets } from './every-field.ts'
import { type Operation, readsOf } from './needs.ts'

const schema = buildSchema()

let api: Api
beforeAll(async () => {
  api = await startApi()
  await makeSecrets(api)
})
afterAll(() => api?.close())

/** The table of the rows that a field shows; null: columns of its parent. */
function tableOf({ place }: Operation): string | null {
  const type = getNamedType(place.field.type)
  const nodes = isObjectType(type) ? (type.getFields().nodes ?? null) : null
  const row = (nodes === null ? type : getNamedType(nodes.type)) as GraphQLObjectType
  const model = row.extensions.model as ModelName | undefined
  return model === undefined ? null : modelOf(model).table
}

/** Nested reads that need a permission of their own, with the permissions of the fields around them. */
const nested = readsOf(schema)
  .filter(({ place, around }) => place.path.length > 0 && place.field.name !== 'nodes' && around.length > 0)
  .flatMap((operation) => {
    const more = operation.needed.filter((permission) => !operation.around.includes(permission))
    return more.length === 0 ? [] : [[operation.place.name, operation, more] as const]
  })

it.each(nested)('%s', async (_name, operation, more) => {
  const { place, selection, around } = operation
  const table = tableOf(operation)
  const reads = (statements: readonly string[]) =>
    statements.some((text) => table !== null && new RegExp(`\\b${table}\\b`).test(text))
  const source = documentOf(place, {}, selection)
  const granted = [...around] as GrantablePermission[]
  const key = await keyWith(api, 'A', granted)
  await key.send('{ viewer { permissions } }')
  const without = await countStatements(() => key.send(source))
  const { data, errors } = without.result
  expect(errors.length).toBeGreaterThan(0)
  for (const { code, path, extensions } of errors) {
    expect([code, extensions.permission]).toEqual(['FORBIDDEN', more[0]])
    expect(path).toMatch(/\.answer$/)
  }
  expect(data, 'the rest is shown').not.toBeNull()
  expect(shows(data, ['answer'])).toBe(false)
  expect(reads(without.statements), 'nothing is read for it').toBe(false)

  const all = await keyWith(api, 'A', [...granted, ...(more as GrantablePermission[])])
  await all.send('{ viewer { permissions } }')
  const withAll = await countStatements(() => all.send(source))
  expect(withAll.result.errors).toEqual([])
  if (table !== null) expect(reads(withAll.statements)).toBe(true)
})
