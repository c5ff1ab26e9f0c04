// The object types, connections and enums of models by name, so that one can be referred to before it is implemented.
import type { EnumRef } from '@pothos/core'
import {
  type EnumName,
  type EnumValue,
  enumDescriptions,
  enumValues,
  type ModelName,
  type RowOf,
} from '../db/register.ts'
import { builder, type SchemaTypes } from './builder.ts'
import { valuesOfEnum } from './described-values.ts'
import type { Page, Row } from './keyset.ts'

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>

export type NodeRef<T> = ReturnType<typeof builder.objectRef<T>>
export type ConnectionRef<T extends Row> = NodeRef<Page<T>>

/** The API's type of a model, which is implemented elsewhere. */
export function nodeRef<Name extends ModelName>(name: Name): NodeRef<RowOf<Name>> {
  return remembered(nodes, name, () => builder.objectRef<object>(name)) as unknown as NodeRef<RowOf<Name>>
}
const nodes = new Map<string, unknown>()

/** The connection of a node type, implemented by `connectionOf`. */
export function connectionRef<T extends Row>(name: string): ConnectionRef<T> {
  return remembered(connections, name, () =>
    builder.objectRef<Page<T>>(`${name}Connection`),
  ) as ConnectionRef<T>
}
const connections = new Map<string, unknown>()

/**
 * The API's enum for a database enum, with all its values. `description`: of its meaning; default: its `///` comment. Throws
 * a plain Error when the enum was referred to without a description before.
 */
export function enumRef<Name extends EnumName>(
  name: Name,
  description?: string,
): EnumRef<Types, EnumValue<Name>> {
  if (description !== undefined && enums.has(name))
    throw new Error(`describe the enum ${name} where it is first referred to`)
  return remembered(enums, name, () => {
    const words = description ?? enumDescriptions(name).description
    const values = valuesOfEnum(name, enumValues(name))
    return builder.enumType<string, typeof values>(name, {
      ...(words !== undefined && { description: words }),
      values,
    })
  }) as EnumRef<Types, EnumValue<Name>>
}
const enums = new Map<string, unknown>()

function remembered(known: Map<string, unknown>, name: string, make: () => unknown): unknown {
  const present = known.get(name) ?? make()
  known.set(name, present)
  return present
}
