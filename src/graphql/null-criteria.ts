// A criterion of a filter that is null is refused: taken as left out, a variable that was never set would list everything.
import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLSchema,
  isInputObjectType,
  isObjectType,
} from 'graphql'
import { AppError } from '../core/errors.ts'

/** Makes every field with a filter throw BAD_USER_INPUT for a criterion that is null. A filter that is null itself is none. */
export function refuseNullCriteria(schema: GraphQLSchema): void {
  for (const type of Object.values(schema.getTypeMap()))
    if (isObjectType(type)) for (const field of Object.values(type.getFields())) guard(field)
}

function guard(field: GraphQLField<unknown, unknown>): void {
  const filter = field.args.find(({ name, type }) => name === 'filter' && isInputObjectType(type))
  if (filter === undefined) return
  const { resolve = defaultFieldResolver } = field
  field.resolve = (parent, args, context, info) => {
    for (const [name, value] of Object.entries((args as { filter?: object | null }).filter ?? {}))
      if (value === null)
        throw new AppError('BAD_USER_INPUT', `filter.${name} is null: give a value, or leave it out`)
    return resolve(parent, args, context, info)
  }
}
