// Checks permissions in each field, for a schema that another server runs. This program's own server checks them on the
// document, before anything runs.
import {
  defaultFieldResolver,
  type GraphQLField,
  type GraphQLSchema,
  getNamedType,
  isObjectType,
} from 'graphql'
import { type Permission, requirePermission } from '../auth/permissions.ts'
import type { Context } from './context.ts'

/**
 * Makes the fields of the schema throw FORBIDDEN without their permission and that of their type; returns the schema. The
 * resolver of a mutation's record checks the type's permission itself.
 */
export function guardFields(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isObjectType(type) || type.name.startsWith('__')) continue
    for (const field of Object.values(type.getFields())) guard(field)
  }
  return schema
}

function guard(field: GraphQLField<unknown, Context>): void {
  const { extensions, resolve = defaultFieldResolver } = field
  const ofType = extensions.showsOwnRecord === true ? null : getNamedType(field.type).extensions.permission
  const needed = [...new Set([extensions.permission, ofType])].filter(isNamed)
  if (needed.length === 0) return
  field.resolve = (parent, args, context, info) => {
    for (const permission of needed) requirePermission(context.caller.permissions, permission)
    return resolve(parent, args, context, info)
  }
}

function isNamed(permission: unknown): permission is Permission {
  return typeof permission === 'string'
}
