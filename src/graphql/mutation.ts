// The shape of every mutation: one input, and a payload of the record and what the user can put right.
import type { InputRef, ObjectRef } from '@pothos/core'
import { type GraphQLResolveInfo, getNamedType } from 'graphql'
import type { CommandContext } from '../auth/command-context.ts'
import type { Permission } from '../auth/permissions.ts'
import type { UserError } from '../commands/outcome.ts'
import type { CommonErrorCode, Executed } from '../commands/run-command.ts'
import type { Filter } from '../db/reader/read-sql.ts'
import { builder, type SchemaTypes } from './builder.ts'
import type { Context, Services } from './context.ts'
import type { NodeName } from './node-ids.ts'
import { readOne } from './read.ts'
import { textBytes } from './text-bytes.ts'

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>
type Payload = Pick<Executed<string>, 'id' | 'userErrors' | 'isOwn'>

/** A text in the payload that is no part of the record and that nobody is told again: a secret. */
type ToldOnce<Made> = {
  readonly field: string
  readonly description: string
  readonly of: (made: Made) => string | null
}

const COMMON_CODES: readonly CommonErrorCode[] = [
  'INVALID',
  'IDEMPOTENCY_KEY_REUSED',
  'IDEMPOTENCY_KEY_IN_USE',
]

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
 * Adds a mutation. `run` is the use case; `result` names the payload's field and its type, which is read again under
 * the caller's scope with what the operation asks of it. `toldOnce` is a field beside it.
 */
export function addMutation<
  Input,
  Code extends string,
  Row extends object,
  Made extends Executed<Code> = Executed<Code>,
>(
  name: string,
  options: {
    readonly description: string
    /** Checked before anything runs, and by the use case's own command again. Null: the use case alone says who may. */
    readonly permission: Permission | null
    /** Named after the mutation: `OrderPlaceInput`. */
    readonly input: InputRef<Input>
    readonly result: {
      readonly field: string
      readonly type: ObjectRef<Types, Row>
      readonly model: NodeName | 'Tenant'
    }
    readonly errors: readonly Code[]
    readonly run: (caller: CommandContext, input: Input, services: Services) => Promise<Made>
    /** Stands after `run`, from which its type is known. */
    readonly toldOnce?: ToldOnce<NoInfer<Made>>
  },
): void {
  const pascal = name.charAt(0).toUpperCase() + name.slice(1)
  const { permission } = options
  const payload = addPayload(pascal, options)
  builder.mutationField(name, (t) =>
    t.field({
      type: payload,
      description: permission === null ? options.description : `${options.description} Needs ${permission}.`,
      ...(permission !== null && { extensions: { permission } }),
      args: { input: t.arg({ type: options.input, required: true }) },
      resolve: async (_root, args, context) => {
        // Pothos infers the same shape from the reference; only the compiler cannot see that through the generic.
        const { input } = args as { input: Input }
        const executed = await options.run(context.caller, input, context.services)
        if (hasKey(input)) noteIdempotency(context, executed)
        return executed
      },
    }),
  )
}

function hasKey(input: unknown): boolean {
  return (input as { readonly idempotencyKey?: string | null }).idempotencyKey != null
}

/** One word for the whole request: of several mutations, `executed` when any of them was. Refused keys say nothing. */
function noteIdempotency({ extensions }: Context, { replayed, userErrors }: Executed<string>): void {
  if (userErrors.some(({ code }) => code.startsWith('IDEMPOTENCY_KEY_') || code === 'INVALID')) return
  if (extensions.idempotency !== 'executed') extensions.idempotency = replayed ? 'replayed' : 'executed'
}

function addPayload<Code extends string, Row extends object, Made>(
  pascal: string,
  {
    result,
    errors,
    toldOnce,
  }: {
    readonly result: {
      readonly field: string
      readonly type: ObjectRef<Types, Row>
      readonly model: NodeName | 'Tenant'
    }
    readonly errors: readonly Code[]
    readonly toldOnce?: ToldOnce<Made>
  },
): ObjectRef<Types, Payload> {
  const code = builder.enumType(`${pascal}ErrorCode`, {
    values: [...COMMON_CODES, ...errors] as [string, ...string[]],
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
          // The payload is what `run` made.
          resolve: (made) => toldOnce.of(made as Made),
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
