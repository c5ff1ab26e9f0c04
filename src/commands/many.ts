// A command over many records in one transaction, with a result for each row: all or nothing, or row by row. The rows
// are judged by the use case, which locks and writes them by statements over all of them.
import { z } from 'zod'
import type { CommandContext } from '../auth/command-context.ts'
import type { Permission } from '../auth/permissions.ts'
import type { Transaction } from '../db/register.ts'
import { type Command, defineCommand, type InputOf } from './command.ts'
import type { Executed } from './executed.ts'
import { checkInput } from './input.ts'
import { changedType, type Done, type Reason, type Refused, type RowOutcome, refused } from './outcome.ts'
import { runCommand } from './run-command.ts'

/** Enough for a page of a back office, and a transaction of well under a second. */
export const BULK_ROWS_MAX = 250

export const BULK_MODES = ['ALL_OR_NOTHING', 'PER_ROW'] as const
export type BulkMode = (typeof BULK_MODES)[number]

/** The codes of a command over many rows, besides those of its use case. */
export const MANY_ERRORS = ['DUPLICATE_ROW'] as const
export type ManyErrorCode = (typeof MANY_ERRORS)[number]

type ManyInput = { readonly mode: BulkMode; readonly rows: readonly unknown[] }
type ManySchema = z.ZodType<ManyInput, ManyInput>

/** A command over rows of this schema. With ALL_OR_NOTHING an invalid row makes the input invalid. */
export type ManyCommand<Name extends string, Code extends string, RowSchema extends z.ZodType> = Command<
  Name,
  Code | ManyErrorCode,
  ManySchema
> & { readonly row: RowSchema }

export function defineManyCommand<
  const Name extends string,
  RowSchema extends z.ZodType,
  const Code extends string,
>({
  name,
  permission,
  errors,
  row,
}: {
  readonly name: Name
  readonly permission: Permission
  readonly errors: readonly Code[]
  /** The schema of one row. */
  readonly row: RowSchema
}): ManyCommand<Name, Code, RowSchema> {
  const command = defineCommand({
    name,
    permission,
    errors: [...new Set([...errors, ...MANY_ERRORS])],
    schema: inputOf(row),
  })
  return { ...command, row }
}

function inputOf(row: z.ZodType): ManySchema {
  const schema = z.object({ mode: z.enum(BULK_MODES), rows: z.array(row).min(1).max(BULK_ROWS_MAX) })
  // The pipeline needs no more of the rows than that they are there.
  return schema as unknown as ManySchema
}

/** What became of a row: `field`s of a refusal are paths in the row. */
export type Judged<Code extends string> = Done | Refused<Code>

/** Judges all valid rows, in input order, and writes what is allowed of them. */
type JudgeRows<Row, Code extends string> = (
  tx: Transaction,
  rows: readonly Row[],
) => Promise<readonly Judged<Code | ManyErrorCode>[]>

/**
 * Runs the command: one transaction, one outcome under its key, one audit entry and event for each changed row. With
 * ALL_OR_NOTHING a refused row undoes the others; with PER_ROW it does not.
 */
export async function runMany<Name extends string, Code extends string, RowSchema extends z.ZodType>(
  caller: CommandContext,
  command: ManyCommand<Name, Code, RowSchema>,
  input: InputOf<ManyCommand<Name, Code, RowSchema>>,
  judge: JudgeRows<z.output<RowSchema>, NoInfer<Code>>,
): Promise<Executed<ManyCommand<Name, Code, RowSchema>>> {
  const plain: Command<Name, Code | ManyErrorCode, ManySchema> = {
    ...command,
    // An invalid row does not stop the others: each is checked by itself, below.
    ...(input.mode === 'PER_ROW' && { schema: inputOf(z.unknown()), validatesRows: true }),
  }
  const executed = await runCommand(caller, plain, input as InputOf<typeof plain>, (tx, value) =>
    work(tx, command.row, value as ManyInput, judge),
  )
  // The same command, of which the pipeline needs not know its rows.
  return executed as Executed<ManyCommand<Name, Code, RowSchema>>
}

async function work<Code extends string, RowSchema extends z.ZodType>(
  tx: Transaction,
  schema: RowSchema,
  { mode, rows }: ManyInput,
  judge: JudgeRows<z.output<RowSchema>, Code>,
): Promise<Done | Refused<Code | ManyErrorCode>> {
  const checked = rows.map((row) =>
    mode === 'PER_ROW' ? checkInput(schema, row) : { value: row as z.output<RowSchema>, errors: null },
  )
  const valid = checked.flatMap(({ value, errors }) =>
    errors === null ? [value as z.output<RowSchema>] : [],
  )
  const judged = valid.length === 0 ? [] : await judge(tx, valid)
  let next = 0
  const results = checked.map(({ errors }): Judged<string> => {
    if (errors !== null) return refused(errors)
    const result = judged[next]
    next += 1
    if (result === undefined) throw new Error('a row was not judged')
    return result
  })
  const reasons = results.flatMap((result, index) => (result.done ? [] : result.errors.map(within(index))))
  // The rows' codes are the command's, or those of any input.
  const errors = reasons as unknown as readonly Reason<Code | ManyErrorCode>[]
  if (mode === 'ALL_OR_NOTHING' && errors.length > 0) {
    const current = results.map((result) => ({ id: result.done ? null : result.currentId, changed: null }))
    return { ...refused(errors), rows: current }
  }
  const made = results.flatMap((result) => (result.done ? [result] : []))
  return {
    done: true,
    id: null,
    audit: made.flatMap(({ audit }) => audit),
    events: made.flatMap(({ events }) => events),
    value: null,
    many: { rows: results.map(outcomeOf), errors },
  }
}

function within(index: number) {
  return (reason: Reason): Reason => ({ ...reason, field: ['rows', String(index), ...(reason.field ?? [])] })
}

function outcomeOf(result: Judged<string>): RowOutcome {
  return result.done
    ? { id: result.id, changed: changedType(result) }
    : { id: result.currentId, changed: null }
}

export function duplicateRow(field: string): Refused<'DUPLICATE_ROW'> {
  return refused([{ field: [field], message: 'an earlier row has this record', code: 'DUPLICATE_ROW' }])
}
