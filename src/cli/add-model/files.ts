// Writes the files of a new model: its schema, declaration, permissions and test, and the lines that register them.
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../core/errors.ts'
import { NODE_TYPES } from '../../graphql/node-ids.ts'
import { type Draft, openDraft } from './draft.ts'
import { moduleFiles } from './module-texts.ts'
import { type NewModel, namesOf, prismaText, resourceText, testText } from './texts.ts'

const SCHEMA = 'prisma/schema'
const PREFIX_LENGTH_MAX = 8

/**
 * Adds `model` to a project's module, which is made if it is missing; returns the written paths. Throws BAD_USER_INPUT,
 * without writing, for a used name and for a relation to a missing model.
 */
export async function addModel(root: string, module: string, model: NewModel): Promise<readonly string[]> {
  const { plural, file } = namesOf(model.name)
  const draft = openDraft(root)
  const schema = await schemaFiles(root)
  await requireNewName(draft, schema, model.name)
  await requireModule(draft, module)
  await relate(schema, draft, model)
  await draft.create(`${SCHEMA}/${module}/${file}.prisma`, prismaText(model))
  await draft.create(`src/${module}/${file}-resource.ts`, resourceText(model, prefixOf(model.name)))
  await draft.create(`test/${module}/${file}-resource.test.ts`, testText(model.name))
  await draft.insert(
    `src/${module}/permissions.ts`,
    `  ${plural}: { read: 'VIEWER', write: 'STAFF' },`,
    /^}\)/m,
  )
  await draft.insert(`src/${module}/graphql.ts`, `import './${file}-resource.ts'`, /$(?![\s\S])/)
  return await draft.write()
}

async function requireNewName(draft: Draft, schema: readonly string[], name: string): Promise<void> {
  for (const path of schema)
    if (isDeclared((await draft.read(path)) ?? '', name))
      throw new AppError('BAD_USER_INPUT', `${name} is there already, in ${path}. Nothing was written.`)
}

/** Whether a file of the schema has a model, or an enum, of this name. */
function isDeclared(text: string, name: string): boolean {
  return new RegExp(`^(model|enum) ${name} \\{`, 'm').test(text)
}

async function requireModule(draft: Draft, module: string): Promise<void> {
  if ((await draft.read(`src/${module}/module.ts`)) !== null) return
  for (const [path, text] of Object.entries(moduleFiles(module)))
    await draft.create(`src/${module}/${path}`, text)
  await draft.insert('src/modules.ts', `import { ${module} } from './${module}/module.ts'`, /^import /m)
  const modules = (await draft.read('src/modules.ts')) ?? ''
  const list = /MODULES = \[([^\]]*)\]/.exec(modules)
  if (list === null)
    throw new AppError('BAD_USER_INPUT', 'src/modules.ts has no list MODULES. Nothing was written.')
  await draft.replace('src/modules.ts', list[0], `MODULES = [${list[1]}, ${module}]`)
}

/** The other side of each relation, which Prisma requires. */
async function relate(schema: readonly string[], draft: Draft, { name, fields }: NewModel): Promise<void> {
  for (const field of fields) {
    if (field.kind !== 'relation') continue
    const path = await fileOfModel(draft, schema, field.model)
    const text = (await draft.read(path)) ?? ''
    const start = text.indexOf(`model ${field.model} {`)
    const place = text.slice(start).search(/\n\s*\n?\s*@@/)
    const { plural, camel } = namesOf(name)
    const line = field.isUnique ? `  ${camel} ${name}?` : `  ${plural} ${name}[]`
    const at = start + place
    await draft.replace(path, text, `${text.slice(0, at)}\n${line}${text.slice(at)}`)
  }
}

async function schemaFiles(root: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, SCHEMA), { recursive: true })
  return entries.filter((entry) => entry.endsWith('.prisma')).map((entry) => `${SCHEMA}/${entry}`)
}

async function fileOfModel(draft: Draft, paths: readonly string[], model: string): Promise<string> {
  for (const path of paths) if (isDeclared((await draft.read(path)) ?? '', model)) return path
  throw new AppError('BAD_USER_INPUT', `There is no model ${model} in ${SCHEMA}. Nothing was written.`)
}

/** The prefix of its ids: the shortest unused beginning of its name. */
function prefixOf(name: string): string {
  const letters = name.toLowerCase().replaceAll(/[^a-z]/g, '')
  for (let length = 3; length <= Math.min(PREFIX_LENGTH_MAX, letters.length); length += 1) {
    const prefix = letters.slice(0, length)
    if (!NODE_TYPES.has(prefix)) return prefix
  }
  throw new AppError('BAD_USER_INPUT', `The ids of ${name} have no prefix that is free: choose another name.`)
}
