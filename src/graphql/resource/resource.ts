// A model in the API by one declaration: its type, look-up and list, and the commands that create, edit and delete it.
// Omitted options follow from the model. Hand-written fields, lists and commands can be added.
import type { Permission, PermissionAreas } from '../../auth/permissions.ts'
import type { Command } from '../../commands/command.ts'
import { type Constraint, constraint } from '../../commands/constraint.ts'
import { describeErrorCode } from '../../commands/error-codes.ts'
import type { Refused } from '../../commands/outcome.ts'
import { camelOf, nounOf, pluralOf, snakeOf } from '../../core/names.ts'
import type { Model } from '../../db/models.ts'
import {
  type ModelName,
  modelOf,
  type ReadWhere,
  type RelationOf,
  type RowOf,
  type Transaction,
} from '../../db/register.ts'
import { builder } from '../builder.ts'
import { connectionOf, pageArgs, relationListField } from '../connections.ts'
import { exactlyOne } from '../exactly-one.ts'
import type { PageArguments } from '../keyset.ts'
import { addManyMutation } from '../many-mutation.ts'
import { addMutation } from '../mutation.ts'
import { Node } from '../node.ts'
import { defineNodes, idField, nodeUuid } from '../node-ids.ts'
import { anyList, anyOne, page, readField } from '../read.ts'
import { connectionRef, type NodeRef, nodeRef } from '../refs.ts'
import { defineVisibility, type Visibility } from '../visibility.ts'
import {
  createCommand,
  deleteCommand,
  type ManyCommandOf,
  type Run,
  type Subject,
  updateCommand,
  updateManyCommand,
} from './commands.ts'
import {
  columnField,
  type Field,
  type FieldInput,
  type FieldOptions,
  type InputBuilder,
  keyOf,
  outputType,
  type Part,
  partField,
  type RelationOptions,
  relationField,
} from './fields.ts'
import { type ListOptions, listOf } from './list.ts'

export { money, type Part } from './fields.ts'
export { below } from './list.ts'

type ColumnOf<Name extends ModelName> = keyof RowOf<Name> & string
/** Areas that have both a permission to read and one to write. */
type Area = [keyof PermissionAreas] extends [never]
  ? string
  : {
      [Name in keyof PermissionAreas]: 'read' | 'write' extends PermissionAreas[Name] ? Name : never
    }[keyof PermissionAreas]

type Write = 'create' | 'update' | 'delete'
type ManyOptions = { readonly sort: string; readonly description?: string }

export type ResourceOptions<Name extends ModelName> = {
  /** The prefix of its ids, which never changes. */
  readonly prefix: string
  /** The area of its permissions: `bookings` needs `bookings:read` to read it and `bookings:write` to change it. */
  readonly permission: Area
  readonly description?: string
  /** The list's name in the API. Default: the model's name with an s. */
  readonly plural?: string
  /** To-one relations: output as the record, input as its id. */
  readonly one?: { readonly [Relation in RelationOf<Name>]?: RelationOptions }
  /** To-many relations, as pages that are sorted by a column: times latest first, all others ascending. */
  readonly many?: { readonly [Relation in RelationOf<Name>]?: ManyOptions }
  /** Unique columns by which one record can be looked up, besides its id. */
  readonly by?: readonly ColumnOf<Name>[]
  readonly list?: ListOptions
  /** Which of its records the permission to read does not cover. */
  readonly visible?: { readonly where: ReadWhere<Name>; readonly unless: readonly Permission[] }
  /** Its mutations. All take an idempotency key; an edit and a deletion take the version that the user saw. */
  readonly write?: readonly Write[]
  /** The name of a mutation that edits many records: `bookingsUpdate`. Default: none. */
  readonly updateMany?: string
  readonly writeDescriptions?: Partial<Readonly<Record<Write, string>>>
  /** Constraints of the database as user errors. Unique columns and to-one relations have them by default. */
  readonly rules?: readonly Constraint[]
  /** Completes the columns of a new record that depend on others, or refuses. */
  readonly complete?: (
    columns: Partial<RowOf<Name>>,
    tx: Transaction,
  ) => Partial<RowOf<Name>> | Refused | Promise<Partial<RowOf<Name>> | Refused>
  /** Writes the records that belong to a new record, in its transaction. */
  readonly created?: (tx: Transaction, row: Partial<RowOf<Name>> & { readonly id: string }) => Promise<void>
  /** The type of an edit's event. Default: `booking.updated`. */
  readonly updatedEvent?: (changes: Partial<RowOf<Name>>) => string
}

/** Options under a column's name; any other name is a part. */
type FieldsOf<Name extends ModelName, Fields> = {
  readonly [Field in keyof Fields]: Field extends ColumnOf<Name> ? FieldOptions | Part : Part
}

export type Resource<Name extends ModelName = ModelName> = Subject & {
  readonly name: Name
  readonly ref: NodeRef<RowOf<Name>>
}

const declaredConstraints: { readonly model: ModelName; readonly constraint: string }[] = []

/** The constraints that have a user error, each of which must be in the database: a test compares them. */
export const CONSTRAINT_RULES: readonly { readonly model: ModelName; readonly constraint: string }[] =
  declaredConstraints

/**
 * Adds a model to the API. Throws a plain Error at start for a declaration that does not fit the model: an unknown
 * column, a sort without an index, an edit without a version.
 */
export function resource<const Name extends ModelName, const Fields extends FieldsOf<Name, Fields>>(
  name: Name,
  options: ResourceOptions<Name> & { readonly fields: Fields },
): Resource<Name> {
  const model = modelOf(name)
  // From here on names are looked up in the model; the types have been checked.
  const declared = options as unknown as Declared
  const fields = fieldsOf(name, model, declared)
  const subject = subjectOf(name, model, fields, declared)
  for (const field of Object.keys(declared.many ?? {})) relationOf(name, model, field, true)
  for (const column of declared.by ?? []) lookUpType(name, model, column)
  for (const { code, message } of subject.constraints) describeErrorCode(code, message)
  declaredConstraints.push(...subject.constraints.map((one) => ({ model: name, constraint: one.name })))
  defineNodes({ [declared.prefix]: name })
  if (declared.visible !== undefined) defineVisibility(name, declared.visible)
  addType(subject, fields, declared)
  addQueries(subject, fields, declared)
  for (const write of declared.write ?? []) addWrite(subject, write, declared)
  if (declared.updateMany !== undefined) addUpdateMany(subject, declared.updateMany)
  return { ...subject, name, ref: nodeRef(name) }
}

type Declared = Pick<
  ResourceOptions<ModelName>,
  | 'prefix'
  | 'permission'
  | 'description'
  | 'plural'
  | 'list'
  | 'write'
  | 'updateMany'
  | 'writeDescriptions'
  | 'rules'
> & {
  readonly fields: Readonly<Record<string, FieldOptions | Part>>
  readonly one?: Readonly<Record<string, RelationOptions>>
  readonly many?: Readonly<Record<string, ManyOptions>>
  readonly by?: readonly string[]
  readonly visible?: Visibility
  readonly complete?: NonNullable<Subject['complete']>
  readonly created?: NonNullable<Subject['created']>
  readonly updatedEvent?: Subject['updatedEvent']
}

/** The fields of every resource, where its model has them. */
const STANDARD: Readonly<Record<string, FieldOptions>> = {
  version: { description: 'Send it back as expectedVersion when you edit.', writable: false },
  createdAt: { writable: false },
  updatedAt: { writable: false },
}

function fieldsOf(name: ModelName, model: Model, { fields, one = {} }: Declared): readonly Field[] {
  const standard = Object.entries(STANDARD).filter(([field]) => model.columns.has(field))
  const columns = Object.entries({ ...fields, ...Object.fromEntries(standard) }).map(([field, options]) => {
    if ('columns' in options) return partField(field, options, model)
    const column = model.columns.get(field)
    if (column === undefined) throw new Error(`${name} has no column ${field}`)
    return columnField(field, column, options)
  })
  const relations = Object.entries(one).map(([field, options]) =>
    relationField(field, relationOf(name, model, field, false), model, options),
  )
  return [...columns, ...relations]
}

function relationOf(name: ModelName, model: Model, field: string, many: boolean) {
  const relation = model.relations.get(field)
  if (relation?.many !== many) throw new Error(`${name} has no relation ${field} to ${many ? 'many' : 'one'}`)
  return relation
}

function subjectOf(
  name: ModelName,
  model: Model,
  fields: readonly Field[],
  { permission, rules = [], complete, created, updatedEvent }: Declared,
): Subject {
  const inputs = fields.flatMap(({ input }) => input ?? [])
  return {
    name,
    model,
    inputs,
    constraints: [...rules, ...uniqueRules(name, model, inputs), ...relationRules(model, inputs)],
    reads: `${permission}:read`,
    writes: `${permission}:write`,
    complete: complete ?? null,
    created: created ?? null,
    updatedEvent: updatedEvent ?? (() => `${snakeOf(name)}.updated`),
  }
}

/** A value of a unique column that another record has is TAKEN. */
function uniqueRules(name: ModelName, model: Model, inputs: readonly FieldInput[]): Constraint[] {
  return model.keys.flatMap(({ name: key, fields }) => {
    const input = inputs.find(({ columns }) => fields.some((field) => columns.includes(field)))
    if (input === undefined) return []
    const message = input.taken ?? `another ${nounOf(name)} has this ${nounOf(input.name)}`
    return [constraint(key, { field: input.name, code: 'TAKEN', message })]
  })
}

/** An id of a relation that this tenant does not have is NOT_FOUND: another tenant's and an absent one alike. */
function relationRules(model: Model, inputs: readonly FieldInput[]): Constraint[] {
  return [...model.relations].flatMap(([field, { foreignKey, fields, model: target }]) => {
    if (foreignKey === null) return []
    const input = inputs.find(({ name }) => name === keyOf(field, fields))
    if (input === undefined) return []
    const message = `there is no such ${nounOf(target)}`
    return [constraint(foreignKey, { field: input.name, code: 'NOT_FOUND', message })]
  })
}

function addType(
  { name, model, reads }: Subject,
  fields: readonly Field[],
  { description = model.description, many = {} }: Declared,
): void {
  const ref = nodeRef(name) as unknown as NodeRef<{ readonly id: string }>
  ref.implement({
    ...(description !== undefined && { description }),
    interfaces: [Node],
    extensions: { model: name, permission: reads },
    fields: (t) => ({
      id: t.id(idField(name)),
      ...Object.fromEntries(fields.map((field) => [field.name, field.output(t) as never])),
      ...Object.fromEntries(
        Object.entries(many).map(([field, { sort, description: words }]) => {
          const target = relationOf(name, model, field, true).model
          const list = { model: name, relation: field, sort }
          return [field, relationListField(t, connectionRef(target), list, words ?? `Its ${field}.`) as never]
        }),
      ),
    }),
  })
  connectionOf(name, ref, reads)
}

/** The API's type of a column by which one record is looked up. Throws a plain Error where many may have one value. */
function lookUpType(name: ModelName, { columns, keys }: Model, column: string): unknown {
  const found = columns.get(column)
  const isUnique = keys.some(
    ({ fields }) => fields.length === 2 && fields.includes('tenantId') && fields.includes(column),
  )
  if (found === undefined || !isUnique)
    throw new Error(
      `${name} cannot be looked up by ${column}: it takes @@unique([tenantId, ${column}]) in its model`,
    )
  return outputType(found)
}

function addQueries(
  { name, model }: Subject,
  fields: readonly Field[],
  { by = [], list, plural = pluralOf(camelOf(name)) }: Declared,
): void {
  builder.queryField(camelOf(name), (t) =>
    readField(t, {
      type: nodeRef(name),
      nullable: true,
      description: `One ${nounOf(name)}, by its ${['id', ...by].join(' or ')}.`,
      args: {
        id: t.arg.id({ required: by.length === 0 }),
        ...Object.fromEntries(
          by.map((column) => [column, t.arg({ type: lookUpType(name, model, column) as never })]),
        ),
      },
      read: (args) =>
        anyOne(
          name,
          exactlyOne(args as Record<string, unknown>, {
            id: (id) => ({ id: nodeUuid(name, id as string) }),
            ...Object.fromEntries(by.map((column) => [column, (value: unknown) => ({ [column]: value })])),
          }),
        ),
    }),
  )
  if (list === undefined) return
  const { filterType, sorts, requireFilter, where } = listOf(name, model, fields, list)
  builder.queryField(plural, (t) =>
    readField(t, {
      type: connectionRef(name),
      ...(list.description !== undefined && { description: list.description }),
      args: {
        ...pageArgs(t.arg),
        ...(list.search && {
          query: t.arg.string({ description: `Finds words in ${list.search.map(searched).join(', ')}.` }),
        }),
        ...(filterType !== null && { filter: t.arg({ type: filterType as never }) }),
        sortKey: t.arg({ type: sorts.type, description: SORTED }),
        reverse: t.arg.boolean({ description: 'Reverses the order.' }),
      },
      read: (args, context, schema) => {
        const { query, filter, sortKey, reverse, ...paging } = args as ListArguments
        requireFilter(filter, context, schema)
        return page(anyList(where(filter, query), sorts.read(sortKey, reverse)), paging)
      },
    }),
  )
}

const SORTED = 'Times are sorted latest first, everything else ascending.'

/** `variants.sku` → `sku of variants`. */
function searched(path: string): string {
  return path.split('.').toReversed().join(' of ')
}

type ListArguments = PageArguments & {
  readonly query?: string | null
  readonly filter?: Record<string, unknown> | null
  readonly sortKey?: string | null
  readonly reverse?: boolean | null
}

function addWrite(subject: Subject, write: Write, { writeDescriptions = {} }: Declared): void {
  const { name, model } = subject
  if (write !== 'create' && !model.columns.has('version'))
    throw new Error(`${name} cannot be edited or deleted without a column version`)
  const { command, fields, description } = WRITES[write]
  addResourceMutation(subject, command(subject), {
    description: writeDescriptions[write] ?? description(nounOf(name)),
    deletes: write === 'delete',
    fields: (t) => fields(t, subject.inputs),
  })
}

function addUpdateMany(subject: Subject, name: string): void {
  addManyResourceMutation(subject, updateManyCommand(subject, name), {
    description: `As ${camelOf(subject.name)}Update, for many at once: each row has its own version and fields.`,
    fields: (t) => WRITES.update.fields(t, subject.inputs),
  })
}

type Inputs = Readonly<Record<string, unknown>>

const WRITES: Readonly<
  Record<
    Write,
    {
      readonly command: (subject: Subject) => { readonly command: Command; readonly run: Run }
      readonly description: (noun: string) => string
      readonly fields: (t: InputBuilder, inputs: readonly FieldInput[]) => Inputs
    }
  >
> = {
  create: {
    command: createCommand,
    description: (noun) => `Adds one ${noun}.`,
    fields: (t, inputs) =>
      Object.fromEntries(
        inputs.map(({ name, field, required }) => [name, field(t, { required, isNew: true })]),
      ),
  },
  update: {
    command: updateCommand,
    description: (noun) => `Edits one ${noun}. Omitted fields stay unchanged.`,
    fields: (t, inputs) => ({
      ...versioned(t),
      ...Object.fromEntries(
        inputs
          .filter(({ writable }) => writable === true)
          .map(({ name, field }) => [name, field(t, { required: false, isNew: false })]),
      ),
    }),
  },
  delete: { command: deleteCommand, description: (noun) => `Deletes one ${noun}.`, fields: versioned },
}

/** The record and its version, for an edit, an action and a deletion. */
export function versioned(t: InputBuilder): Inputs {
  return { id: t.id({ required: true }), expectedVersion: t.int({ required: true }) }
}

/** `addManyMutation` for a command of a resource. */
export function addManyResourceMutation(
  { name }: Pick<Subject, 'name'>,
  { command, run }: ManyCommandOf,
  options: { readonly description: string; readonly fields: (t: InputBuilder) => Inputs },
): void {
  addManyMutation(command, {
    ...options,
    // Made at run time, unknown to the compiler.
    fields: options.fields as never,
    result: { field: camelOf(name), type: nodeRef(name), model: name },
    run: (caller, input) => run(caller, input as never),
  })
}

/** `addMutation` for a command whose fields are made at run time, unknown to the compiler. */
export function addResourceMutation(
  { name }: Pick<Subject, 'name'>,
  { command, run }: { readonly command: Command; readonly run: Run },
  {
    deletes = false,
    ...options
  }: {
    readonly description: string
    readonly fields: (t: InputBuilder) => Inputs
    readonly deletes?: boolean
  },
): void {
  const result = { field: camelOf(name), type: nodeRef(name), model: name, deletes }
  const add = addMutation as unknown as (command: Command, options: object) => void
  add(command, { ...options, result, run })
}
