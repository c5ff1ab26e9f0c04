// Permissions of fields, checked before each resolver: a field without one is null, with an error at its path. Also the
// nullability that this takes.
import {
  defaultFieldResolver,
  defaultTypeResolver,
  type GraphQLAbstractType,
  type GraphQLField,
  type GraphQLFieldResolver,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isAbstractType,
  isObjectType,
} from 'graphql'
import { missingError, type Permission } from '../auth/permissions.ts'
import type { Context } from './context.ts'

type Field = GraphQLField<unknown, Context>
type Declared = Pick<Field, 'type' | 'extensions'>

/** By field, since a request looks at each of its fields several times. */
const needs = new WeakMap<Declared, readonly Permission[]>()

/** The permissions that a field needs: its own, and that of its type. */
export function neededBy(field: Declared): readonly Permission[] {
  const known = needs.get(field)
  if (known !== undefined) return known
  const { permission, showsOwnRecord } = field.extensions
  // The resolver of a mutation's record checks the type's permission itself, after the call.
  const ofType = showsOwnRecord === true ? null : getNamedType(field.type).extensions.permission
  const needed = [...new Set([permission, ofType])].filter(isNamed)
  needs.set(field, needed)
  return needed
}

/** The first permission that is missing for a field; null: it may be read. */
export function missingFor(field: Declared, held: ReadonlySet<Permission>): Permission | null {
  return missingOf(neededBy(field), held)
}

const permissionsOf = new WeakMap<GraphQLSchema, ReadonlyMap<unknown, unknown>>()

/** The permission to read a model's type; null: it needs none. */
export function permissionOf(schema: GraphQLSchema, model: string): Permission | null {
  const known =
    permissionsOf.get(schema) ??
    new Map(
      Object.values(schema.getTypeMap())
        .filter(isObjectType)
        .map(({ extensions }) => [extensions.model, extensions.permission]),
    )
  permissionsOf.set(schema, known)
  const permission = known.get(model)
  return isNamed(permission) ? permission : null
}

function missingOf(needed: readonly Permission[], held: ReadonlySet<Permission>): Permission | null {
  for (const permission of needed) if (!held.has(permission)) return permission
  return null
}

/**
 * Makes the fields of the schema throw FORBIDDEN without their permissions, and those of an interface or a union without that of
 * the record's type; returns the schema. A root field, and a field that needs more than the type which has it, becomes
 * nullable, so that its error leaves the rest of the answer.
 */
export function guardFields(schema: GraphQLSchema): GraphQLSchema {
  const roots: readonly unknown[] = [schema.getQueryType(), schema.getMutationType()]
  for (const type of Object.values(schema.getTypeMap())) {
    if (isAbstractType(type)) guardAbstract(type, schema)
    else if (isObjectType(type) && !type.name.startsWith('__'))
      for (const field of Object.values(type.getFields())) {
        if (roots.includes(type) || needsMoreThan(type, field)) field.type = getNullableType(field.type)
        guard(field)
      }
  }
  return schema
}

function needsMoreThan({ extensions }: GraphQLNamedType, field: Field): boolean {
  return neededBy(field).some((permission) => permission !== extensions.permission)
}

function guard(field: Field): void {
  const { resolve = defaultFieldResolver, subscribe } = field
  const needed = neededBy(field)
  if (needed.length === 0) return
  field.resolve = guarded(needed, resolve)
  if (subscribe !== undefined) field.subscribe = guarded(needed, subscribe)
}

function guarded(
  needed: readonly Permission[],
  resolve: GraphQLFieldResolver<unknown, Context>,
): GraphQLFieldResolver<unknown, Context> {
  return (parent, args, context, info) => {
    const missing = missingOf(needed, context.caller.permissions)
    if (missing !== null) throw missingError(missing)
    return resolve(parent, args, context, info)
  }
}

function guardAbstract(type: GraphQLAbstractType, schema: GraphQLSchema): void {
  const { resolveType } = type
  const find = resolveType ?? defaultTypeResolver
  type.resolveType = (value, context: Context, info, abstract) => {
    const found = find(value, context, info, abstract)
    return found instanceof Promise
      ? found.then((name) => permitted(name, context, schema))
      : permitted(found as string | undefined, context, schema)
  }
}

function permitted(name: string | undefined, { caller }: Context, schema: GraphQLSchema): string | undefined {
  const permission = name === undefined ? null : schema.getType(name)?.extensions.permission
  if (isNamed(permission) && !caller.permissions.has(permission)) throw missingError(permission)
  return name
}

function isNamed(permission: unknown): permission is Permission {
  return typeof permission === 'string'
}
