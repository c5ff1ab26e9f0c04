// The ids of the API: a prefix for the object's type, and its UUID. Modules define the prefixes.
import { decodeId, encodeId, uuidOf } from '../core/ids.ts'
import type { ModelName } from '../db/register.ts'
import { computed } from './projection.ts'

export type NodeName = ModelName

const names = new Map<string, string>()
const prefixes = new Map<string, string>()

/** The node types, by the prefixes of their ids. */
export const NODE_TYPES: ReadonlyMap<string, string> = names

/** Registers a module's node types by the prefixes of their ids, which never change. Throws for a duplicate. */
export function defineNodes(types: Readonly<Record<string, ModelName>>): void {
  for (const [prefix, name] of Object.entries(types)) registerPrefix(prefix, name)
}

/** The same for one type of any name. */
export function registerPrefix(prefix: string, name: string): void {
  if (names.has(prefix) || prefixes.has(name)) throw new Error(`the node ${prefix}: ${name} is defined twice`)
  names.set(prefix, name)
  prefixes.set(name, prefix)
}

export function nodeId(name: NodeName, uuid: string): string {
  return encodeId(prefixOf(name), uuid)
}

/** The options of a type's field `id`. `column`: a tenant is its own key. */
export function idField<Name extends NodeName>(name: Name, column: 'id' | 'tenantId' = 'id') {
  const { extensions, resolve } = computed(name, [column as never], (row) =>
    nodeId(name, (row as Readonly<Record<string, string>>)[column] as string),
  )
  const text = (uuid: string) => `"${nodeId(name, uuid)}"`
  return { extensions: { projection: { ...extensions.projection, text } }, resolve }
}

/** The UUID in an id of this type. For any other text NO_ID, which no row has. */
export function nodeUuid(name: NodeName, id: string): string {
  return uuidOf(prefixOf(name), id)
}

/** The id of an object, by its type's name; null where that is no node type. */
export function nodeIdOf(type: string, uuid: string): string | null {
  const prefix = prefixes.get(type)
  return prefix === undefined ? null : encodeId(prefix, uuid)
}

/** The type and the UUID in an id of any type; null for other text. */
export function nodeOf(id: string): { readonly name: string; readonly uuid: string } | null {
  const decoded = decodeId(id)
  const name = decoded === null ? undefined : names.get(decoded.prefix)
  return decoded === null || name === undefined ? null : { name, uuid: decoded.uuid }
}

function prefixOf(name: NodeName): string {
  const prefix = prefixes.get(name)
  if (prefix === undefined) throw new Error(`${name} is not a node type: register it with defineNodes`)
  return prefix
}
