// Checks permissions in each field, for a schema that another server runs. This program's own server checks them on the
// document, before anything runs.
import {
  defaultFieldResolver,
  defaultTypeResolver,
  type GraphQLAbstractType,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isObjectType,
} from 'graphql'
import { type Permission, requirePermission } from '../auth/permissions.ts'
import type { Context } from './context.ts'

/**
 * Makes the fields of the schema throw FORBIDDEN without their permission and that of their type, and those of an interface or
 * a union without that of the record's type; returns the schema. The resolver of a mutation's record checks the type's
 * permission itself.
 */
export function guardFields(schema: GraphQLSchema): GraphQLSchema {
  for (const type of Object.values(schema.getTypeMap())) {
    if (isAbstractType(type)) guardAbstract(type, schema)
    else if (isObjectType(type) && !type.name.startsWith('__'))
      for (const field of Object.values(type.getFields())) guard(field)
  }
  return schema
}

function guard(field: GraphQLField<unknown, Context>): void {
  const { extensions, resolve = defaultFieldResolver, subscribe } = field
  const ofType = extensions.showsOwnRecord === true ? null : getNamedType(field.type).extensions.permission
  const needed = [...new Set([extensions.permission, ofType])].filter(isNamed)
  if (needed.length === 0) return
  field.resolve = guarded(resolve, needed)
  if (subscribe !== undefined) field.subscribe = guarded(subscribe, needed)
}

function guarded(
  resolve: GraphQLFieldResolver<unknown, Context>,
  needed: readonly Permission[],
): GraphQLFieldResolver<unknown, Context> {
  return (parent, args, context, info) => {
    for (const permission of needed) requirePermission(context.caller.permissions, permission)
    return resolve(parent, args, context, info)
  }
}

function guardAbstract(type: GraphQLAbstractType, schema: GraphQLSchema): void {
  const { resolveType } = type
  const find = resolveType ?? defaultTypeResolver
  type.resolveType = async (value, context: Context, info, abstract) => {
    const name = await find(value, context, info, abstract)
    const permission = name === undefined ? null : schema.getType(name)?.extensions.permission
    if (isNamed(permission)) requirePermission(context.caller.permissions, permission)
    return name
  }
}

function isNamed(permission: unknown): permission is Permission {
  return typeof permission === 'string'
}
