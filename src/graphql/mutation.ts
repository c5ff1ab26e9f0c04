// The shape of every mutation: a command's, with one input, and a payload of the record and what the user can put right.
import type { GenericInputFieldRef, InputFieldMap, InputShapeFromFields, ObjectRef } from '@pothos/core'
import { type GraphQLResolveInfo, getNamedType } from 'graphql'
import type { z } from 'zod'
import type { CommandContext } from '../auth/command-context.ts'
import { ACCEPT_INVITATION, type Permission } from '../auth/permissions.ts'
import { COMMON_ERRORS, type Command, type Keyed } from '../commands/command.ts'
import type { Executed } from '../commands/executed.ts'
import type { UserError } from '../commands/outcome.ts'
import type { Filter } from '../db/reader/read-sql.ts'
import { builder, type SchemaTypes } from './builder.ts'
import type { Context, Services } from './context.ts'
import type { NodeName } from './node-ids.ts'
import { readOne } from './read.ts'
import { textBytes } from './text-bytes.ts'

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>
type Payload = Omit<Executed<Command, unknown>, 'replayed'>

type Shown<Row extends object> = {
  readonly field: string
  readonly type: ObjectRef<Types, Row>
  readonly model: NodeName | 'Tenant'
}

/** The value that the work gave to `done`, as a text in the payload that nobody is told again: a secret. */
type ToldOnce<Value> = {
  readonly field: string
  readonly description: string
  readonly of: (value: Value) => string
}

/** Fields of all names that the command's input has, and of no other. */
type FieldsOf<Input, Fields> = { readonly [Name in keyof Input]-?: GenericInputFieldRef } & {
  readonly [Name in keyof Fields]: Name extends keyof Input ? GenericInputFieldRef : never
}

/** A user error as it is taken to be when its cost is counted. */
const FIELD_DEPTH_EXPECTED = 3
const MESSAGE_BYTES_EXPECTED = 100

const UserErrorInterface = builder.interfaceRef<UserError>('UserError').implement({
  description: 'Something in the input that the user can put right. Nothing was changed.',
  fields: (t) => ({
    field: t.exposeStringList('field', {
      extensions: { listSize: FIELD_DEPTH_EXPECTED },
      nullable: true,
      description: "The path in the mutation's input; null when it is about the whole.",
    }),
    message: t.exposeString('message', textBytes(MESSAGE_BYTES_EXPECTED)),
  }),
})

/** How many user errors a payload is taken to have when its cost is counted. */
const USER_ERRORS_EXPECTED = 1

/**
 * Adds a command as a mutation: its name, its permission and its error codes are the command's. `run` is the use case that
 * runs it, and no other is taken; `result` names the payload's field and its type, which is read again under the caller's
 * scope with what the operation asks of it.
 */
export function addMutation<
  Name extends string,
  Code extends string,
  Schema extends z.ZodType,
  Fields extends InputFieldMap & FieldsOf<z.input<Schema>, Fields>,
  Row extends object,
  Value = null,
>(
  command: Command<Name, Code, Schema>,
  options: {
    readonly description: string
    /** Whether no call is taken without an idempotency key: what moves money or stock is not to happen twice. */
    readonly needsKey?: boolean
    /** Of the input, by the names that the command's own has; the idempotency key is added to them. */
    readonly fields: (t: PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>) => Fields
    readonly result: Shown<Row>
    /** Written out, as `(caller, input) => …`: of a mere name the compiler would take the fields, and not from `fields`. */
    readonly run: (
      caller: CommandContext,
      input: Keyed<InputShapeFromFields<Fields>>,
      services: Services,
    ) => Promise<Executed<Command<NoInfer<Name>, NoInfer<Code>, NoInfer<Schema>>, Value>>
    /** Stands after `run`, from which its type is known. */
    readonly toldOnce?: ToldOnce<NoInfer<Value>>
  },
): void {
  const { name } = command
  const pascal = name.charAt(0).toUpperCase() + name.slice(1)
  const input = builder.inputType(`${pascal}Input`, {
    fields: (t) => ({
      idempotencyKey: t.string({ required: options.needsKey ?? false }),
      ...options.fields(t),
    }),
  })
  const payload = addPayload(pascal, command.errors, options)
  const permission = askedBeforehand(command)
  builder.mutationField(name, (t) =>
    t.field({
      type: payload,
      description: permission === null ? options.description : `${options.description} Needs ${permission}.`,
      ...(permission !== null && { extensions: { permission } }),
      args: { input: t.arg({ type: input, required: true }) },
      resolve: async (_root, args, context) => {
        // Pothos infers the same shape from the fields; only the compiler cannot see that through the generic.
        const { input } = args as unknown as { input: Keyed<InputShapeFromFields<Fields>> }
        const executed = await options.run(context.caller, input, context.services)
        if (input.idempotencyKey != null) noteIdempotency(context, executed)
        return executed
      },
    }),
  )
}

/**
 * What is asked of the document before anything runs, and by the command again. Not what only the invited have: who is a
 * member by now is told by the use case that the invitation is not valid, and not that they may not.
 */
function askedBeforehand({ permission }: Command): Permission | null {
  return permission === ACCEPT_INVITATION ? null : permission
}

/** One word for the whole request: of several mutations, `executed` when any of them was. Refused keys say nothing. */
function noteIdempotency(
  { extensions }: Context,
  { replayed, userErrors }: Pick<Executed, 'replayed' | 'userErrors'>,
): void {
  if (userErrors.some(({ code }) => code.startsWith('IDEMPOTENCY_KEY_') || code === 'INVALID')) return
  if (extensions.idempotency !== 'executed') extensions.idempotency = replayed ? 'replayed' : 'executed'
}

function addPayload<Row extends object, Value>(
  pascal: string,
  errors: readonly string[],
  { result, toldOnce }: { readonly result: Shown<Row>; readonly toldOnce?: ToldOnce<Value> },
): ObjectRef<Types, Payload> {
  const code = builder.enumType(`${pascal}ErrorCode`, {
    values: [...COMMON_ERRORS, ...errors],
  })
  const userError = builder.objectRef<UserError>(`${pascal}UserError`).implement({
    interfaces: [UserErrorInterface],
    fields: (t) => ({ code: t.field({ type: code, resolve: (error) => error.code }) }),
  })
  return builder.objectRef<Payload>(`${pascal}Payload`).implement({
    fields: (t) => ({
      [result.field]: t.field({
        type: result.type,
        nullable: true,
        description:
          'The record as it is now; null when there is none to show. Who may not read such records is shown the one that ' +
          'this call made or changed, by itself, and only then.',
        // Its type's permission is asked when the call has run: until then nobody knows whose record it is.
        extensions: { showsOwnRecord: true },
        resolve: (made, _args, context, info) =>
          // The row is read with the columns that its own type asks for; Pothos cannot resolve its type through Row.
          (made.id === null || !mayBeShown(made, context, info)
            ? null
            : readOne<Row>(context, info, result.model, whereOf(result.model, made.id))) as never,
      }),
      ...(toldOnce && {
        [toldOnce.field]: t.string({
          nullable: true,
          description: toldOnce.description,
          // The payload is what `run` answered.
          resolve: ({ value }) => (value === null ? null : toldOnce.of(value as Value)),
        }),
      }),
      userErrors: t.field({
        type: [userError],
        extensions: { listSize: USER_ERRORS_EXPECTED },
        resolve: (made) => made.userErrors,
      }),
    }),
  })
}

/** Writing is not reading: beyond what this call made or changed, a record is shown to who may read its type. */
function mayBeShown({ isOwn }: Payload, { caller }: Context, info: GraphQLResolveInfo): boolean {
  if (isOwn) return true
  const { permission, nodePermission = permission } = getNamedType(info.returnType).extensions as {
    permission?: Permission
    nodePermission?: Permission
  }
  return nodePermission === undefined || caller.permissions.has(nodePermission)
}

/** A tenant is its own key; every other record has an id beside it. */
function whereOf(model: NodeName | 'Tenant', id: string): Filter {
  return model === 'Tenant' ? { tenantId: id } : { id }
}
