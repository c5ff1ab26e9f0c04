// The types of a schema at run time: models with their columns, relations and keys, as written by `prisma generate`
// (datamodel-generator.ts). datamodel.ts has this program's schema.

export type Column = {
  /** In the database. */
  readonly name: string
  /** Prisma's scalar type, or the enum's name. */
  readonly type: string
  readonly description?: string
  readonly isEnum: boolean
  readonly isList: boolean
  readonly isNullable: boolean
  readonly hasDefault: boolean
  /** The maximum length; null: no bound. */
  readonly size: number | null
}

export type Relation = {
  readonly model: string
  readonly description?: string
  /** The foreign key, if this model has it; null: the other one has it. */
  readonly foreignKey: string | null
  readonly many: boolean
  readonly isNullable: boolean
  /** Pairs of equal columns: the other table's, and this one's. */
  readonly on: readonly (readonly [other: string, own: string])[]
  /** The fields of this model in the key; empty where the other model has the key. */
  readonly fields: readonly string[]
}

export type Model = {
  readonly table: string
  readonly description?: string
  /** By the field's name in the client. */
  readonly columns: ReadonlyMap<string, Column>
  readonly relations: ReadonlyMap<string, Relation>
  /** Unique keys, the primary key first. */
  readonly keys: readonly Key[]
  /** The fields of the other indexes. */
  readonly indexes: readonly (readonly string[])[]
}

/** The name is that of the constraint in the database. */
export type Key = { readonly name: string; readonly fields: readonly string[] }

/** A text by which lists are sorted as people sort it: its names in the database. */
export type AlphabeticalColumn = { readonly table: string; readonly column: string }

export type Datamodel = ReadonlyMap<string, Model>

type Entries<Value> = readonly (readonly [name: string, value: Value])[]

/** In its written form. */
export type WrittenModel = Omit<Model, 'columns' | 'relations'> & {
  readonly columns: Entries<Column>
  readonly relations: Entries<Relation>
}
export type WrittenSchema = {
  readonly models: Entries<WrittenModel>
  readonly enums: Entries<readonly string[]>
  readonly enumDescriptions?: Entries<EnumDescriptions>
}

/** Of an enum, and by value. */
export type EnumDescriptions = { readonly description?: string; readonly values: Entries<string> }

/** The models of a written schema. */
export function datamodelOf({ models }: WrittenSchema): Datamodel {
  return new Map(
    models.map(([name, { columns, relations, ...model }]) => [
      name,
      { ...model, columns: new Map(columns), relations: new Map(relations) },
    ]),
  )
}

/** Throws a plain Error for an unknown name. */
export function modelIn(datamodel: Datamodel, name: string): Model {
  const model = datamodel.get(name)
  if (model === undefined) throw new Error(`there is no model ${name}`)
  return model
}
