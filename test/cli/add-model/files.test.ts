// The files of a new model, in a project of a few files: what is written, and that nothing is when it cannot be.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { parseFields } from '../../../src/cli/add-model/fields.ts'
import { addModel } from '../../../src/cli/add-model/files.ts'
import { inAlphabet } from '../../../src/cli/add-model/texts.ts'

const MODULES = `// The one list of modules.
import { desk } from './desk/module.ts'

export const MODULES = [desk] as const
`
const CUSTOMERS = `model Customer {
  tenantId String
  id       String

  @@id([tenantId, id])
}
`

let project: string
beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), 'bulkhead-add-model-'))
  await put('src/modules.ts', MODULES)
  await put('prisma/schema/shop/customers.prisma', CUSTOMERS)
})
afterEach(() => rm(project, { recursive: true }))

async function put(path: string, text: string): Promise<void> {
  await mkdir(dirname(join(project, path)), { recursive: true })
  await writeFile(join(project, path), text)
}
const read = (path: string) => readFile(join(project, path), 'utf8')
const add = (name: string, ...fields: string[]) =>
  addModel(project, 'app', { name, fields: parseFields(fields) })
const paths = async () => (await readdir(project, { recursive: true })).toSorted()

it('makes the module with the first model, and adds to it with the next', async () => {
  await add('Supplier', 'name:text')
  await add('PriceList', 'title:text')
  expect(await read('src/modules.ts')).toContain('MODULES = [desk, app]')
  expect(await read('src/app/permissions.ts')).toMatch(/suppliers: .*\n {2}priceLists: .*\n}\)/)
  expect(await read('src/app/graphql.ts')).toMatch(
    /'.\/supplier-resource.ts'\nimport '.\/price-list-resource.ts'\n$/,
  )
  expect(await read('prisma/schema/app/price-list.prisma')).toContain('@@map("price_lists")')
})

it('sorts texts alphabetically, and codes by code points', async () => {
  await add('Supplier', 'name:text', 'code:text:unique', 'email:email', 'note:text:optional')
  expect(await read('src/app/supplier-resource.ts')).toContain(
    `sort: ['createdAt', { alphabetical: 'name' }, 'email', 'code']`,
  )
  const fields = parseFields(['name:text', 'code:text:unique'])
  const index = (column: string) => `ON "suppliers"("tenant_id", "${column}", "id");`
  const made = inAlphabet(`${index('created_at')} ${index('name')}`, { name: 'Supplier', fields })
  expect(made).toBe(`${index('created_at')} ON "suppliers"("tenant_id", "name" COLLATE "und-x-icu", "id");`)
})

it('adds the other side of a relation to its model', async () => {
  await add('Supplier', 'customer:Customer')
  await add('Account', 'customer:Customer:unique')
  const customers = await read('prisma/schema/shop/customers.prisma')
  expect(customers).toMatch(/suppliers Supplier\[\]\n {2}account Account\?\n\n {2}@@id/)
})

it.each([
  ['a relation to a model that is not there', ['owner:Owner'], 'There is no model Owner in prisma/schema.'],
])('%s: refused, and nothing is written', async (_what, fields, message) => {
  const before = await paths()
  await expect(add('Supplier', ...fields)).rejects.toThrow(message)
  expect(await paths()).toEqual(before)
})

it('a model that is there already: refused, and nothing is written over', async () => {
  await add('Supplier', 'name:text')
  const [before, text] = [await paths(), await read('src/app/permissions.ts')]
  await expect(add('Supplier', 'email:email')).rejects.toThrow('Supplier is there already')
  expect([await paths(), await read('src/app/permissions.ts')]).toEqual([before, text])
})

it('a model of another file: refused, and nothing is written', async () => {
  const before = await paths()
  await expect(add('Customer', 'name:text')).rejects.toThrow(
    'Customer is there already, in prisma/schema/shop/customers.prisma. Nothing was written.',
  )
  expect(await paths()).toEqual(before)
})

it('a list of modules in another form: refused, with the line to add by hand', async () => {
  await put('src/modules.ts', 'export const MODULES = makeList()\n')
  await expect(add('Supplier', 'name:text')).rejects.toThrow('add "import { app } from')
})
