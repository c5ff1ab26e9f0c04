// Makes a mutation from a command over many rows: a mode, the rows, and a payload with a result for each row.
import type { InputFieldMap } from '@pothos/core'
import { getNamedType } from 'graphql'
import type { z } from 'zod'
import type { CommandContext } from '../auth/command-context.ts'
import type { Executed, ExecutedRow } from '../commands/executed.ts'
import { BULK_ROWS_MAX, type BulkMode, type ManyCommand } from '../commands/many.ts'
import type { UserError } from '../commands/outcome.ts'
import { pascalOf } from '../core/names.ts'
import { readerOf } from '../db/reader/any-model.ts'
import type { ModelName } from '../db/register.ts'
import { loadTogether } from './batch.ts'
import { builder, type SchemaTypes } from './builder.ts'
import { mayBeShown, noteIdempotency, USER_ERRORS_EXPECTED } from './mutation.ts'
import { selectionOf } from './projection.ts'
import { describeUserErrors, UserErrorType } from './user-errors.ts'

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>
type InputBuilder = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>

const ModeType = builder.enumType('BulkMode', {
  description: 'What a refused row does to the other rows of its call.',
  values: {
    ALL_OR_NOTHING: { description: 'Nothing is changed unless every row can be.' },
    PER_ROW: {
      description: 'Every row that can be changed is; the others are refused, each with its reasons.',
    },
  } satisfies Record<BulkMode, { description: string }>,
})

type ManyInput = {
  readonly idempotencyKey?: string | null
  readonly mode: BulkMode
  readonly rows: readonly object[]
}

/** A row of the payload. `loads`: what the records of a field are loaded together by. */
type Row = ExecutedRow & {
  readonly index: number
  readonly userErrors: readonly UserError[]
  readonly loads: Map<string, object>
}

/**
 * Adds the mutation of a command over many rows. The record of every row is read again by one statement, under the
 * caller's scope, with the requested fields.
 */
export function addManyMutation(
  command: ManyCommand<string, string, z.ZodType>,
  options: {
    readonly description: string
    readonly needsKey?: boolean
    /** The fields of a row. */
    readonly fields: (t: InputBuilder) => InputFieldMap
    readonly result: { readonly field: string; readonly type: unknown; readonly model: ModelName }
    readonly run: (caller: CommandContext, input: ManyInput) => Promise<Executed>
  },
): void {
  const { name, permission } = command
  const { needsKey = false, fields, result, run } = options
  const pascal = pascalOf(name)
  const errorsDescription = describeUserErrors(command.errors)
  const rowInput = builder.inputType(`${pascal}RowInput`, { description: 'One row of the call.', fields })
  const input = builder.inputType(`${pascal}Input`, {
    fields: (t) => ({
      idempotencyKey: t.string({
        required: needsKey,
        description: 'One for the whole call: a repeated call gets the same result for every row.',
      }),
      mode: t.field({
        type: ModeType,
        defaultValue: 'ALL_OR_NOTHING',
        description: 'What a refused row does to the others.',
      }),
      rows: t.field({
        type: [rowInput],
        required: true,
        description: `1 to ${BULK_ROWS_MAX} rows, at most one for each record.`,
      }),
    }),
  })
  const row = builder.objectRef<Row>(`${pascal}Row`).implement({
    description: 'What came of one row of the call.',
    fields: (t) => ({
      index: t.exposeInt('index', { description: 'Its place in `rows` of the input, from 0.' }),
      [result.field]: t.field({
        type: result.type as never,
        nullable: true as never,
        description:
          'The current record; null when there is none, or when the row was not tried. A caller without the permission ' +
          'to read it gets the one that this call changed, if nobody else has changed it since.',
        extensions: { showsOwnRecord: true },
        resolve: async ({ id, isOwn, loads }, _args, context, info) => {
          if (id === null || !mayBeShown({ isOwn }, context, getNamedType(info.returnType)))
            return null as never
          const shown = `${info.path.key} ${isOwn}`
          const key = loads.get(shown) ?? {}
          loads.set(shown, key)
          const load = async (ids: string[]) => {
            const select = { ...selectionOf(info, context, result.model), id: true }
            const reader = readerOf(context.db, result.model)
            const found = await reader.readMany<{ readonly id: string }>({
              where: { id: { in: ids } },
              select,
              includesHidden: isOwn,
            })
            return new Map(found.map((one) => [one.id, one]))
          }
          return ((await loadTogether(context, key, id, load)) ?? null) as never
        },
      }),
      userErrors: t.field({
        type: [UserErrorType],
        description: 'The problems of this row, which are in the payload’s `userErrors` too.',
        extensions: { listSize: ROW_ERRORS_EXPECTED },
        resolve: ({ userErrors }) => userErrors,
      }),
    }),
  })
  const payload = builder.objectRef<{
    readonly rows: readonly Row[]
    readonly userErrors: readonly UserError[]
  }>(`${pascal}Payload`)
  payload.implement({
    fields: (t) => ({
      rows: t.field({
        type: [row],
        description:
          'One for each row of the input, in its order; empty when the call was refused as a whole.',
        extensions: { listAs: { argument: 'input', field: 'rows' }, listMax: BULK_ROWS_MAX },
        resolve: ({ rows }) => rows as Row[],
      }),
      userErrors: t.field({
        type: [UserErrorType],
        description: `All problems, of the call and of its rows; \`field\` of a row's starts with its path: ["rows", "3", "price"]. ${errorsDescription}`,
        extensions: { listSize: USER_ERRORS_EXPECTED },
        resolve: ({ userErrors }) => userErrors as UserError[],
      }),
    }),
  })
  builder.mutationField(name, (t) =>
    t.field({
      type: payload,
      nullable: true,
      description: `${options.description} Needs ${permission}.`,
      // The command: for tests that are made of the inputs of all mutations.
      extensions: { command, permission },
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_root, args, context) => {
        const given = (args as unknown as { input: ManyInput }).input
        const executed = await run(context.caller, given)
        if (given.idempotencyKey != null) noteIdempotency(context, executed)
        return { rows: rowsOf(executed), userErrors: executed.userErrors }
      },
    }),
  )
}

/** Most rows have none. */
const ROW_ERRORS_EXPECTED = 0

function rowsOf({ rows, userErrors }: Executed): Row[] {
  const loads = new Map<string, object>()
  const errors = new Map<string, UserError[]>()
  for (const error of userErrors) {
    const [list, index = ''] = error.field ?? []
    if (list === 'rows') errors.set(index, [...(errors.get(index) ?? []), error])
  }
  return (rows ?? []).map((row, index) => ({
    ...row,
    index,
    userErrors: errors.get(String(index)) ?? [],
    loads,
  }))
}
