#!/usr/bin/env node
// A generator for `prisma generate`: writes the parts of the schema that the database layer needs at run time and
// Prisma's client does not publish (nullable columns, defaults, keys, relations). It runs before the client exists, so
// it imports nothing generated. `types` in its block: the module with the type of the written schema. Default: this
// package.
import { writeFile } from 'node:fs/promises'
import type * as DMMF from '@prisma/dmmf'
import helper from '@prisma/generator-helper'
import type { Column, EnumDescriptions, Relation, WrittenModel, WrittenSchema } from './models.ts'

const TYPES = 'bulkhead/walls'

helper.generatorHandler({
  onManifest: () => ({ prettyName: 'datamodel' }),
  async onGenerate({ generator, dmmf: { datamodel } }) {
    const output = generator.output?.value
    if (output === null || output === undefined) throw new Error('the generator datamodel needs an output')
    const schema: WrittenSchema = {
      models: datamodel.models.map((model) => [model.name, modelOf(model, datamodel)]),
      enums: datamodel.enums.map(({ name, values }) => [name, values.map((value) => value.name)]),
      enumDescriptions: datamodel.enums.map((one) => [one.name, describedEnum(one)]),
    }
    const json = JSON.stringify(schema, null, 2)
    await writeFile(
      output,
      `import type { WrittenSchema } from '${String(generator.config.types ?? TYPES)}'\n\nexport default ${json} satisfies WrittenSchema as WrittenSchema\n`,
    )
  },
})

function modelOf(model: DMMF.Model, { models, indexes }: DMMF.Datamodel): WrittenModel {
  const own = indexes.filter((index) => index.model === model.name)
  const fields = ({ fields }: DMMF.Index) => fields.map(({ name }) => name)
  const isUnique = ({ type }: DMMF.Index) => type === 'id' || type === 'unique'
  return {
    table: tableOf(model),
    ...described(model),
    columns: model.fields.flatMap((field) =>
      field.kind === 'object' ? [] : [[field.name, columnOf(field)]],
    ),
    relations: model.fields.flatMap((field) =>
      field.kind === 'object' ? [[field.name, relationOf(model, field, models)]] : [],
    ),
    keys: own.filter(isUnique).map((index) => ({ name: keyName(model, index), fields: fields(index) })),
    indexes: own.filter((index) => !isUnique(index)).map(fields),
  }
}

function columnOf(field: DMMF.Field): Column {
  return {
    name: columnName(field),
    type: field.type,
    ...described(field),
    isEnum: field.kind === 'enum',
    isList: field.isList,
    isNullable: !field.isRequired,
    hasDefault: field.hasDefaultValue,
    size: sizeOf(field),
  }
}

/** The maximum length of `@db.VarChar(40)` and `@db.Char(2)`. */
function sizeOf({ nativeType }: DMMF.Field): number | null {
  const [name, [size]] = nativeType ?? ['', []]
  return name.endsWith('Char') && size !== undefined ? Number(size) : null
}

function relationOf(model: DMMF.Model, field: DMMF.Field, models: readonly DMMF.Model[]): Relation {
  const other = models.find(({ name }) => name === field.type) as DMMF.Model
  const { relationFromFields: from = [], relationToFields: to = [] } = field
  const isOwn = from.length > 0
  const columns = from.map((name) => columnIn(model, name))
  // The side without columns: the other model's field of the same relation has them.
  const inverse = isOwn ? field : (other.fields.find((back) => isInverse(field, back, model)) as DMMF.Field)
  const [theirs, ours] = isOwn
    ? [to, from]
    : [inverse.relationFromFields ?? [], inverse.relationToFields ?? []]
  return {
    model: field.type,
    ...described(field),
    foreignKey: isOwn ? constraintName([tableOf(model), ...columns], 'fkey') : null,
    many: field.isList,
    isNullable: !field.isRequired,
    on: ours.map((name, index) => [columnIn(other, theirs[index] as string), columnIn(model, name)] as const),
    fields: isOwn ? from : [],
  }
}

function isInverse(field: DMMF.Field, back: DMMF.Field, model: DMMF.Model): boolean {
  return (
    back.relationName === field.relationName &&
    back.type === model.name &&
    (back.relationFromFields?.length ?? 0) > 0
  )
}

function keyName(model: DMMF.Model, { type, dbName, fields }: DMMF.Index): string {
  if (dbName !== undefined) return dbName
  if (type === 'id') return constraintName([tableOf(model)], 'pkey')
  return constraintName([tableOf(model), ...fields.map(({ name }) => columnIn(model, name))], 'key')
}

/** PostgreSQL's maximum length of names, to which Prisma shortens its own. */
const NAME_LENGTH_MAX = 63

/** Prisma's name of a constraint without a name in the schema: `customers_tenant_id_email_key`. */
function constraintName(parts: readonly string[], suffix: string): string {
  return `${parts.join('_').slice(0, NAME_LENGTH_MAX - suffix.length - 1)}_${suffix}`
}

function tableOf({ dbName, name }: DMMF.Model): string {
  return dbName ?? name
}

function columnIn({ fields }: DMMF.Model, name: string): string {
  return columnName(fields.find((field) => field.name === name) as DMMF.Field)
}

function columnName({ name, dbName }: DMMF.Field): string {
  return dbName ?? name
}

/** The `///` comment. */
function described({ documentation }: { readonly documentation?: string }): {
  readonly description?: string
} {
  return documentation === undefined ? {} : { description: documentation.replaceAll('\n', ' ') }
}

/** Prisma keeps no comments of values, so an enum's own comment has a line for each: `/// DRAFT: not for sale.` */
function describedEnum({ values, documentation }: DMMF.DatamodelEnum): EnumDescriptions {
  const texts = new Map<string, string>()
  const own: string[] = []
  for (const line of documentation?.split('\n') ?? []) {
    const [, name = '', text = ''] = /^(\w+): (.+)$/.exec(line) ?? []
    if (values.some((value) => value.name === name)) texts.set(name, text)
    else own.push(line)
  }
  return { ...(own.length > 0 && { description: own.join(' ') }), values: [...texts] }
}
