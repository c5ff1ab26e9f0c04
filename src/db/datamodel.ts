// What the reader needs to know of the schema: tables, columns and how relations join, taken from Prisma's own client.
import type { PrismaClient } from '../generated/prisma/client.ts'

export type Column = { readonly name: string; readonly type: string }

export type Relation = {
  readonly model: string
  readonly many: boolean
  /** Pairs of columns that are equal: the other table's, and this one's. */
  readonly on: readonly (readonly [other: string, own: string])[]
}

export type Model = {
  readonly table: string
  readonly columns: ReadonlyMap<string, Column>
  readonly relations: ReadonlyMap<string, Relation>
}

export type Datamodel = ReadonlyMap<string, Model>

/** The client's description of its models. Not in its published types; its version is pinned, and a test reads it. */
type RuntimeField = {
  readonly name: string
  readonly kind: 'scalar' | 'enum' | 'object'
  readonly type: string
  readonly dbName?: string
  readonly relationName?: string
}
type RuntimeModel = { readonly fields: readonly RuntimeField[]; readonly dbName: string | null }
type Described = { readonly _runtimeDataModel: { readonly models: Readonly<Record<string, RuntimeModel>> } }

const TENANT: readonly [string, string] = ['tenant_id', 'tenant_id']

export function datamodelOf(client: PrismaClient): Datamodel {
  const { models } = (client as unknown as Described)._runtimeDataModel
  return new Map(Object.entries(models).map(([name, model]) => [name, describe(models, name, model)]))
}

function describe(models: Readonly<Record<string, RuntimeModel>>, name: string, model: RuntimeModel): Model {
  const columns = new Map<string, Column>()
  for (const field of model.fields) {
    if (field.kind !== 'object') columns.set(field.name, { name: columnName(field), type: field.type })
  }
  const relations = new Map<string, Relation>()
  for (const field of model.fields) {
    if (field.kind === 'object') relations.set(field.name, relate(models, name, model, field))
  }
  return { table: model.dbName ?? name, columns, relations }
}

/**
 * A relation `customer` stands on `customerId` of the model that has it, beside the tenant; its inverse on the same
 * column from the other side. Every relation of a tenant-owned model is of this form.
 */
function relate(
  models: Readonly<Record<string, RuntimeModel>>,
  name: string,
  model: RuntimeModel,
  field: RuntimeField,
): Relation {
  const own = model.fields.find((other) => other.name === `${field.name}Id`)
  if (own !== undefined) return { model: field.type, many: false, on: [TENANT, ['id', columnName(own)]] }
  const other = models[field.type]
  const inverse = other?.fields.find((back) => back.relationName === field.relationName && back.type === name)
  const key = other?.fields.find((back) => back.name === `${inverse?.name}Id`)
  if (key === undefined)
    throw new Error(`the relation ${name}.${field.name} stands on no column named after it`)
  return { model: field.type, many: !isOne(other, key), on: [TENANT, [columnName(key), 'id']] }
}

/** A model whose own key is the relation's column, as a stock level's is its variant, stands there at most once. */
function isOne(model: RuntimeModel | undefined, key: RuntimeField): boolean {
  const hasOwnId = model?.fields.some(({ name }) => name === 'id') ?? true
  return !hasOwnId && key.name.endsWith('Id')
}

function columnName(field: RuntimeField): string {
  return field.dbName ?? field.name
}
