// The commands of a resource: create, edit, act on and delete one record, each through the pipeline.
import { z } from 'zod'
import type { CommandContext } from '../../auth/command-context.ts'
import type { Permission } from '../../auth/permissions.ts'
import { type Command, defineCommand } from '../../commands/command.ts'
import { type Constraint, refusedBy } from '../../commands/constraint.ts'
import {
  auditOf,
  conflict,
  EDIT_ERRORS,
  type EditedTable,
  edit,
  type InputForms,
  type InputPaths,
  isRefused,
  notFound,
} from '../../commands/edit.ts'
import { editMany } from '../../commands/edit-many.ts'
import type { Executed } from '../../commands/executed.ts'
import { jsonOf } from '../../commands/json-value.ts'
import { defineManyCommand, type ManyCommand, runMany } from '../../commands/many.ts'
import { defineWorkSql, type WorkSql } from '../../commands/one-statement.ts'
import { type Done, done, type JsonObject, type Refused } from '../../commands/outcome.ts'
import { runCommand } from '../../commands/run-command.ts'
import { newId } from '../../core/ids.ts'
import { camelOf, nounOf, snakeOf } from '../../core/names.ts'
import { insertSql, rowText } from '../../db/many-rows.ts'
import type { Model } from '../../db/models.ts'
import { type ModelName, registeredModels, type Transaction } from '../../db/register.ts'
import { nodeUuid } from '../node-ids.ts'
import { type Columns, type FieldInput, optionalRule } from './fields.ts'

/** What the commands of a resource have in common. */
export type Subject = {
  readonly name: ModelName
  readonly model: Model
  readonly inputs: readonly FieldInput[]
  readonly constraints: readonly Constraint[]
  readonly reads: Permission
  readonly writes: Permission
  /** Completes the columns of a new record, or refuses. Null: they are complete. */
  readonly complete:
    | ((columns: Columns, tx: Transaction) => Columns | Refused | Promise<Columns | Refused>)
    | null
  /** Writes the records that belong to a new record. Null: there are none. */
  readonly created: ((tx: Transaction, row: Columns & { readonly id: string }) => Promise<void>) | null
  /** The type of an edit's event. */
  readonly updatedEvent: (changes: Columns) => string
}

export type Input = Readonly<Record<string, unknown>> & { readonly idempotencyKey?: string | null }
export type Run = (caller: CommandContext, input: Input) => Promise<Executed>
/** A row with its model's columns, for hand-written parts of a resource. */
export type Row = Columns & { readonly id: string; readonly version: number }

type Table = EditedTable<Row> & {
  create(query: { data: Columns }): PromiseLike<unknown>
  deleteMany(query: { where: { id: string; version: number } }): PromiseLike<{ readonly count: number }>
}

function tableOf(tx: Transaction, name: ModelName): Table {
  // Every model has these operations; the compiler cannot follow a computed name.
  return (tx as unknown as Record<string, Table>)[camelOf(name)] as Table
}

export function createCommand(subject: Subject): { readonly command: Command; readonly run: Run } {
  const { name, inputs, constraints, writes, complete, created } = subject
  const command = defineCommand({
    name: `${camelOf(name)}Create`,
    permission: writes,
    errors: codesOf(constraints),
    schema: z.object(Object.fromEntries(inputs.map((input) => [input.name, ruleForCreate(input)]))),
  })
  if (complete === null && created === null) return { command, run: insertInOneStatement(subject, command) }
  const run: Run = (caller, given) =>
    runCommand(caller, command, given as never, async (tx, value) => {
      const columnsGiven = columnsOf(inputs, value)
      const completed = complete === null ? columnsGiven : await complete(columnsGiven, tx)
      if (isRefused(completed)) return completed
      const { id, columns, row, made } = newRecord(subject, completed, caller.clock())
      try {
        await tableOf(tx, name).create({ data: row })
        await created?.(tx, { id, ...columns })
      } catch (error) {
        return refusedBy(error, constraints)
      }
      return made
    })
  return { command, run }
}

function newRecord({ name, model }: Subject, completed: Columns, now: Date) {
  const id = newId()
  const columns = defined(completed)
  const times = { ...(model.columns.has('createdAt') && { createdAt: now }), ...touched(model, now) }
  const about = { type: name, id }
  const event = { type: `${snakeOf(name)}.created`, subject: about, payload: { version: 1 } }
  const made = done(id, [auditOf(about, null, jsonOfColumns(columns))], [event])
  return { id, columns, row: { id, ...columns, ...times }, made }
}

/** A record that nothing else depends on is made by the command's one statement. */
function insertInOneStatement(subject: Subject, command: Command): Run {
  const { name, model, inputs, constraints } = subject
  const inserts = new Map<string, WorkSql>()
  /** Columns that have no default are always in it, so that there are few texts. */
  const insertOf = (row: Columns): WorkSql => {
    const others = inputs
      .flatMap(({ columns }) => columns)
      .filter((field) => model.columns.get(field)?.hasDefault !== true)
    const fields = [...new Set([...others, ...Object.keys(row)])].sort()
    const key = fields.join()
    const known = inserts.get(key)
    if (known !== undefined) return known
    const work = `made AS (
    ${insertSql(model, fields, '$1')} RETURNING id
  ), work AS (SELECT '{}'::jsonb AS before, '{}'::jsonb AS result, '[]'::jsonb AS events FROM made)`
    const sql = defineWorkSql(`create_${model.table}_${inserts.size}`, work)
    inserts.set(key, sql)
    return sql
  }
  return (caller, given) =>
    runCommand(caller, command, given as never, {
      decide: (value) => {
        const { row, made } = newRecord(subject, columnsOf(inputs, value as Columns), caller.clock())
        return { sql: insertOf(row), values: [rowText(model, row)], done: made }
      },
      constraints,
      whyRefused: () => Promise.reject(new Error(`${name} was neither made nor refused`)),
    })
}

const VERSIONED = { expectedVersion: z.number() }

export function updateCommand(subject: Subject): { readonly command: Command; readonly run: Run } {
  const { name, inputs, constraints, writes, updatedEvent } = subject
  const editable = inputs.filter(({ writable }) => writable === true)
  const command = defineCommand({
    name: `${camelOf(name)}Update`,
    permission: writes,
    errors: [...EDIT_ERRORS, ...codesOf(constraints)],
    schema: z.object({
      id: idOf(name),
      ...VERSIONED,
      ...Object.fromEntries(editable.map((input) => [input.name, optionalRule(input)])),
    }),
  })
  const run: Run = (caller, given) =>
    runCommand(caller, command, given as never, (tx, { id, expectedVersion, ...value }) =>
      editRow(tx, subject, {
        id,
        expectedVersion,
        wanted: columnsOf(editable, value),
        paths: pathsOf(editable, value),
        forms: formsOf(editable, value),
        now: caller.clock(),
        event: updatedEvent,
      }),
    )
  return { command, run }
}

export type ActionWork = (
  tx: Transaction,
  row: Row,
  input: Columns,
) => Columns | Refused | Promise<Columns | Refused>

export type Action = {
  readonly verb: string
  readonly permission: Permission
  readonly errors: readonly string[]
  readonly rules: Readonly<Record<string, z.ZodType>>
  /** The refusal for a record in this state; null: allowed. */
  readonly refuses: (row: Row) => Refused | null
  readonly work: ActionWork
  readonly event: string | null
}

export function actionCommand(
  subject: Subject,
  action: Action,
): { readonly command: Command; readonly run: Run } {
  const { name, constraints } = subject
  const command = defineCommand({
    name: `${camelOf(name)}${action.verb.charAt(0).toUpperCase()}${action.verb.slice(1)}`,
    permission: action.permission,
    errors: [...new Set([...EDIT_ERRORS, ...codesOf(constraints), ...action.errors])],
    schema: z.object({ id: idOf(name), ...VERSIONED, ...action.rules }),
  })
  const run: Run = (caller, given) =>
    runCommand(caller, command, given as never, (tx, { id, expectedVersion, ...input }) =>
      editRow(tx, subject, {
        id,
        expectedVersion,
        wanted: async (row: Row) => action.refuses(row) ?? (await action.work(tx, row, input)),
        now: caller.clock(),
        event: action.event,
      }),
    )
  return { command, run }
}

export function deleteCommand(subject: Subject): { readonly command: Command; readonly run: Run } {
  const { name, model, constraints, reads, writes } = subject
  const command = defineCommand({
    name: `${camelOf(name)}Delete`,
    permission: writes,
    errors: [...new Set([...EDIT_ERRORS, 'IN_USE', ...codesOf(constraints)])],
    schema: z.object({ id: idOf(name), ...VERSIONED }),
  })
  const run: Run = (caller, given) =>
    runCommand(caller, command, given as never, async (tx, { id, expectedVersion }) => {
      const table = tableOf(tx, name)
      const current = await table.findFirst({ where: { id } })
      if (current === null) return notFound('id', nounOf(name))
      if (current.version !== expectedVersion) return conflict(current, expectedVersion, { reads })
      try {
        const { count } = await table.deleteMany({ where: { id, version: expectedVersion } })
        if (count === 0) {
          const changed = await table.findFirst({ where: { id } })
          return changed === null
            ? notFound('id', nounOf(name))
            : conflict(changed, expectedVersion, { reads })
        }
      } catch (error) {
        return refusedBy(error, [...constraints, ...referencesTo(name)])
      }
      const about = { type: name, id }
      const before = Object.fromEntries([...model.columns.keys()].map((column) => [column, current[column]]))
      const event = { type: `${snakeOf(name)}.deleted`, subject: about, payload: {} }
      return done(id, [auditOf(about, jsonOfColumns(before), null)], [event])
    })
  return { command, run }
}

function editRow(
  tx: Transaction,
  { name, model, constraints, reads }: Subject,
  edited: {
    readonly id: string
    readonly expectedVersion: number
    readonly wanted: Columns | ((row: Row) => Promise<Columns | Refused>)
    /** The paths of the wanted columns in the input. */
    readonly paths?: InputPaths<Row>
    readonly forms?: InputForms<Row>
    readonly now: Date
    readonly event: string | null | ((changes: Columns) => string)
  },
): Promise<Done | Refused> {
  return edit<Row, string>(tx, tableOf(tx, name), {
    ...edited,
    type: name,
    noun: nounOf(name),
    reads,
    touches: touched(model, edited.now),
    constraints,
  })
}

function touched(model: Model, now: Date): Columns {
  return model.columns.has('updatedAt') ? { updatedAt: now } : {}
}

function idOf(name: ModelName) {
  return z.string().transform((id) => nodeUuid(name, id))
}

function ruleForCreate({ rule, initialRule = rule, required, whenNull }: FieldInput): z.ZodType {
  return required ? initialRule : optionalRule({ rule: initialRule, whenNull })
}

/** The columns of a validated input. */
function columnsOf(inputs: readonly FieldInput[], value: Columns): Columns {
  return Object.assign(
    {},
    ...inputs.map(({ name, columnsOf: columns }) =>
      value[name] === undefined ? {} : columns(value[name] as never),
    ),
  )
}

/** The paths of the given columns in a validated input. */
function pathsOf(inputs: readonly FieldInput[], value: Columns): InputPaths<Row> {
  return ofGiven(inputs, value, 'pathsOf')
}

/** The forms of the given columns in a validated input. */
function formsOf(inputs: readonly FieldInput[], value: Columns): InputForms<Row> {
  return ofGiven(inputs, value, 'formsOf')
}

function ofGiven(inputs: readonly FieldInput[], value: Columns, part: 'pathsOf' | 'formsOf') {
  return Object.assign(
    {},
    ...inputs.map((input) => {
      const given = value[input.name]
      return given === undefined ? {} : input[part](given as never)
    }),
  )
}

function defined(columns: Columns): Columns {
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined))
}

function jsonOfColumns(columns: Columns): JsonObject {
  return Object.fromEntries(Object.entries(columns).map(([name, value]) => [name, jsonOf(value)]))
}

function codesOf(constraints: readonly Constraint[]): readonly string[] {
  return [...new Set(constraints.map(({ code }) => code))]
}

/** The foreign keys of other models that prevent deleting a record. */
function referencesTo(name: ModelName): readonly Constraint<'IN_USE'>[] {
  return [...registeredModels().values()].flatMap(({ relations }) =>
    [...relations.values()].flatMap(({ model, foreignKey }) =>
      model === name && foreignKey !== null
        ? [{ name: foreignKey, field: ['id'], code: 'IN_USE' as const, message: 'other records refer to it' }]
        : [],
    ),
  )
}

type ManyRun = (caller: CommandContext, input: Parameters<typeof runMany>[2]) => Promise<Executed>
export type ManyCommandOf = {
  readonly command: ManyCommand<string, string, z.ZodType>
  readonly run: ManyRun
}

/** Edits many records as `updateCommand` does one. */
export function updateManyCommand(subject: Subject, name: string): ManyCommandOf {
  const { constraints, writes, updatedEvent } = subject
  const { command } = updateCommand(subject)
  const editable = subject.inputs.filter(({ writable }) => writable === true)
  return manyCommand(subject, {
    name,
    permission: writes,
    errors: [...EDIT_ERRORS, ...codesOf(constraints)],
    schema: schemaOf(command),
    inputs: editable,
    wanted: (_tx, value) => columnsOf(editable, value),
    event: updatedEvent,
  })
}

/** Does an action on many records. */
export function actionManyCommand(subject: Subject, name: string, action: Action): ManyCommandOf {
  const { command } = actionCommand(subject, action)
  return manyCommand(subject, {
    name,
    permission: action.permission,
    errors: command.errors,
    schema: schemaOf(command),
    inputs: [],
    wanted: (tx, input) => async (row: Row) => action.refuses(row) ?? (await action.work(tx, row, input)),
    event: action.event,
  })
}

type Wanted = Columns | ((row: Row) => Promise<Columns | Refused>)

function manyCommand(
  { name: model, model: { columns }, constraints, reads }: Subject,
  many: {
    readonly name: string
    readonly permission: Permission
    readonly errors: readonly string[]
    readonly schema: z.ZodType
    /** Those whose columns are set. */
    readonly inputs: readonly FieldInput[]
    readonly wanted: (tx: Transaction, value: Columns) => Wanted
    readonly event: string | null | ((changes: Columns) => string)
  },
): ManyCommandOf {
  const { name, permission, errors, schema, wanted, event } = many
  const command = defineManyCommand({ name, permission, errors, row: schema })
  const run: ManyRun = (caller, given) =>
    runMany(caller, command, given, (tx, rows) =>
      editMany<Row, string>(
        tx,
        model,
        (rows as readonly VersionedInput[]).map(({ id, expectedVersion, ...value }) => ({
          id,
          expectedVersion,
          wanted: wanted(tx, value),
          paths: pathsOf(many.inputs, value),
          forms: formsOf(many.inputs, value),
        })),
        {
          type: model,
          noun: nounOf(model),
          reads,
          touches: columns.has('updatedAt') ? { updatedAt: caller.clock() } : {},
          constraints,
          event,
        },
      ),
    )
  return { command: command as unknown as ManyCommand<string, string, z.ZodType>, run }
}

type VersionedInput = Columns & { readonly id: string; readonly expectedVersion: number }

function schemaOf({ schema }: Command): z.ZodType {
  if (typeof schema === 'function')
    throw new Error('the rows of a command over many do not depend on the time')
  return schema
}
