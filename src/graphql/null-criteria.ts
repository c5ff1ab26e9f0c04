// A criterion of a filter, or a bound of one, that is null is refused: taken as left out, a variable that was never set would list everything.
import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLInputObjectType,
  type GraphQLSchema,
  getNullableType,
  isInputObjectType,
  isObjectType,
} from 'graphql'
import { AppError } from '../core/errors.ts'
import type { ReadExtensions } from './read.ts'

/** Makes every field with a filter throw BAD_USER_INPUT for a criterion that is null. A filter that is null itself is none. */
export function refuseNullCriteria(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap()))
    if (isObjectType(type)) for (const field of Object.values(type.getFields())) guard(field)
}

function guard(field: GraphQLField<unknown, unknown>): void {
  const filter = field.args.find(({ name, type }) => name === 'filter' && isInputObjectType(type))?.type
  if (!isInputObjectType(filter)) return
  const check = (args: object): void => {
    const given = (args as { filter?: object | null }).filter
    if (given) refuseNull(filter, given, 'filter')
  }
  const { reads } = field.extensions as ReadExtensions
  if (reads !== undefined) {
    field.extensions = {
      ...field.extensions,
      reads: (...call) => {
        check(call[0])
        return reads(...call)
      },
    } satisfies ReadExtensions & object
    return
  }
  const { resolve = defaultFieldResolver } = field
  field.resolve = (parent, args, context, info) => {
    check(args)
    return resolve(parent, args, context, info)
  }
}

function refuseNull(type: GraphQLInputObjectType, given: object, path: string): void {
  const fields = type.getFields()
  for (const [name, value] of Object.entries(given)) {
    if (value === null)
      throw new AppError('BAD_USER_INPUT', `${path}.${name} is null: give a value, or leave it out`)
    const inner = fields[name] && getNullableType(fields[name].type)
    if (isInputObjectType(inner)) refuseNull(inner, value as object, `${path}.${name}`)
  }
}
