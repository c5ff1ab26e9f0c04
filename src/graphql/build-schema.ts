// Builds the schema of all types, queries and mutations that were added to the builder.
import { type GraphQLSchema, isObjectType } from 'graphql'
import { AppError } from '../core/errors.ts'
import { registeredModels } from '../db/register.ts'
import { builder } from './builder.ts'
import { guardFields } from './guard-fields.ts'
import { NODE_TYPES } from './node-ids.ts'
import { refuseNullCriteria } from './null-criteria.ts'
import { schemaProblems } from './schema-rules.ts'
import { unindexedSorts } from './sorts.ts'
import { addErrorCodes } from './user-errors.ts'
import { describeUsual } from './usual-descriptions.ts'

builder.queryType({})
builder.mutationType({})

/**
 * The schema, each of its fields with a check of its permission. Throws SERVICE_UNAVAILABLE with all problems of the schema
 * (schema-rules.ts, sorts.ts).
 */
export function buildSchema(): GraphQLSchema {
  const undescribed = addErrorCodes()
  const schema = builder.toSchema()
  const problems = [...undescribed, ...schemaProblems(schema, NODE_TYPES), ...unindexedSorts()]
  if (problems.length > 0) {
    const list = problems.map((problem) => `\n  ${problem}`).join('')
    throw new AppError('SERVICE_UNAVAILABLE', `The GraphQL schema is refused:${list}`)
  }
  refuseNullCriteria(schema)
  describeUsual(schema, registeredModels())
  for (const type of Object.values(schema.getTypeMap())) {
    const { permission } = type.extensions
    // A mutation's own field states its permission; a type states it for every field that returns it.
    if (isObjectType(type) && typeof permission === 'string')
      type.description = [type.description ?? [], `Needs ${permission}.`].flat().join(' ')
  }
  return guardFields(schema)
}
