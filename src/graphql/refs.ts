// The object types, connections and enums of models by name, so that one can be referred to before it is implemented.
import type { EnumRef } from '@pothos/core'
import { enumValues, type ModelName } from '../db/datamodel.ts'
import type { Prisma } from '../generated/prisma/client.ts'
import { builder, type SchemaTypes } from './builder.ts'
import type { Page, Row } from './keyset.ts'

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>

/** The columns of a model's row. */
export type RowOf<Name extends ModelName> = Prisma.TypeMap['model'][Name]['payload']['scalars']

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

/** The API's enum for a database enum, with all its values. */
export function enumRef<Value extends string>(name: string): EnumRef<Types, Value> {
  return remembered(enums, name, () =>
    builder.enumType(name, { values: enumValues(name) as [Value, ...Value[]] }),
  ) as EnumRef<Types, Value>
}
const enums = new Map<string, unknown>()

function remembered(known: Map<string, unknown>, name: string, make: () => unknown): unknown {
  const present = known.get(name) ?? make()
  known.set(name, present)
  return present
}
