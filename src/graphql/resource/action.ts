// An action on a resource: a mutation of one record beyond an edit, such as cancelling it.
import type { Permission } from '../../auth/permissions.ts'
import { type Refused, refused } from '../../commands/outcome.ts'
import { nounOf } from '../../core/names.ts'
import type { ModelName, RowOf, Transaction } from '../../db/register.ts'
import { type ActionWork, actionCommand, type Row } from './commands.ts'
import { columnField, type FieldOptions, optionalRule } from './fields.ts'
import { addResourceMutation, type Resource, versioned } from './resource.ts'

export type ActionOptions<Name extends ModelName, Changes> = {
  readonly description?: string
  /** Default: the resource's write permission. */
  readonly permission?: Permission
  /** The values of `status` in which it is allowed; others are refused with WRONG_STATUS. Default: all. */
  readonly from?: readonly string[]
  /** Its input besides the record: columns of the model, as in a resource's `fields`. */
  readonly input?: { readonly [Column in keyof RowOf<Name> & string]?: FieldOptions }
  /** The error codes of `run`, besides those of an edit. */
  readonly errors?: readonly string[]
  /** Returns the columns to change, or a refusal; it may write other records by the transaction. */
  readonly run: (tx: Transaction, row: RowOf<Name>, input: Partial<RowOf<Name>>) => Changes | Promise<Changes>
  /** The type of its event: `booking.cancelled`. Default: no event. */
  readonly event?: string
}

/**
 * Adds the mutation `bookingCancel` for `action(Booking, 'cancel', …)`. Like an edit it takes the version that the user
 * saw.
 */
export function action<Name extends ModelName, const Changes extends Partial<RowOf<Name>> | Refused>(
  subject: Resource<Name>,
  verb: string,
  { description, permission, from, input = {}, errors = [], run, event }: ActionOptions<Name, Changes>,
): void {
  const { name, model, writes } = subject
  const inputs = Object.entries(input as Readonly<Record<string, FieldOptions>>).flatMap(
    ([field, options]) => {
      const column = model.columns.get(field)
      if (column === undefined) throw new Error(`${name} has no column ${field}`)
      return columnField(field, column, options).input ?? []
    },
  )
  const done = actionCommand(subject, {
    verb,
    permission: permission ?? writes,
    errors: from === undefined ? errors : ['WRONG_STATUS', ...errors],
    rules: Object.fromEntries(
      inputs.map((input) => [input.name, input.required ? input.rule : optionalRule(input)]),
    ),
    refuses: (row) =>
      from === undefined || from.includes(String(row.status)) ? null : wrongStatus(name, row, from),
    // The row is of the resource's model, which the pipeline does not know.
    work: run as unknown as ActionWork,
    event: event ?? null,
  })
  addResourceMutation(subject, done, {
    description: description ?? `Does ${verb} on one ${nounOf(name)}.`,
    fields: (t) => ({
      ...versioned(t),
      ...Object.fromEntries(
        inputs.map((field) => [field.name, field.field(t, { required: field.required, isNew: false })]),
      ),
    }),
  })
}

function wrongStatus(name: ModelName, { status }: Row, from: readonly string[]): Refused<'WRONG_STATUS'> {
  const message = `the ${nounOf(name)} is ${String(status)}, not ${from.join(' or ')}`
  return refused([{ field: ['id'], message, code: 'WRONG_STATUS' }])
}
