// The schema of which an API is made: its types are registered by declaration merging, its models by `registerSchema`. One per
// process, as the API's builder is. datamodel.ts registers this program's own.
import type { Sql } from '@prisma/client/runtime/client'
import {
  type Datamodel,
  datamodelOf,
  type EnumDescriptions,
  type Model,
  modelIn,
  type WrittenSchema,
} from './models.ts'
import type { DelegateName, WhereOf } from './reader/types.ts'
import type { TenantClientOf } from './tenant-client.ts'
import type { TransactionOf, Walls } from './walls.ts'

/**
 * Add `client`, the type of the generated client, and `enums`, that of its namespace of enums: `{ client: PrismaClient; enums:
 * typeof $Enums }`.
 */
// biome-ignore lint/suspicious/noEmptyInterface: a project adds to it
export interface Register {}

type Registered<Key extends string, Otherwise> =
  Register extends Readonly<Record<Key, infer Given>> ? Given : Otherwise

type RawQuery = <Row>(query: TemplateStringsArray | Sql, ...values: unknown[]) => Promise<Row>

/** Without a registered client names are not checked. */
type Client = Registered<'client', { readonly $queryRaw: RawQuery; readonly $executeRaw: RawQuery }>
type Enums = Registered<'enums', Readonly<Record<string, Readonly<Record<string, string>>>>>

export type ModelName = Register extends { readonly client: infer Given }
  ? Capitalize<DelegateName<Given>>
  : string

export type TenantClient = TenantClientOf<Client>
export type Transaction = TransactionOf<Client>
/** What commands need of the walls. */
export type TenantWalls = Pick<Walls<Client>, 'forTenant' | 'withTenant' | 'runAtOnce' | 'readText'>

type Payload = { readonly scalars: object; readonly objects: object }
type PayloadOf<Delegate> = Delegate extends {
  readonly [key: symbol]: { readonly types: { readonly payload: infer Given extends Payload } }
}
  ? Given
  : {
      readonly scalars: Readonly<Record<string, unknown>>
      readonly objects: Readonly<Record<string, unknown>>
    }
type DelegateOf<Name extends string> =
  Uncapitalize<Name> extends keyof Client ? Client[Uncapitalize<Name>] : unknown
type Payloads = { readonly [Name in ModelName]: PayloadOf<DelegateOf<Name>> }

/** The columns of a model's row. */
export type RowOf<Name extends ModelName> = Payloads[Name]['scalars']
export type RelationOf<Name extends ModelName> = keyof Payloads[Name]['objects'] & string
/** Which rows of a model. */
export type ReadWhere<Name extends ModelName> = WhereOf<DelegateOf<Name>>

export type EnumName = Extract<keyof Enums, string>
export type EnumValue<Name extends EnumName> = Enums[Name][keyof Enums[Name]]

type Registry = {
  readonly models: Datamodel
  readonly enums: ReadonlyMap<string, readonly string[]>
  readonly enumDescriptions: ReadonlyMap<string, EnumDescriptions>
}
let registry: Registry | null = null

/** Before the first resource. Throws a plain Error for a second call. */
export function registerSchema(schema: WrittenSchema): Datamodel {
  if (registry !== null) throw new Error('a schema is registered already: an API has one')
  const models = datamodelOf(schema)
  registry = {
    models,
    enums: new Map(schema.enums),
    enumDescriptions: new Map(schema.enumDescriptions),
  }
  return models
}

function registered(): Registry {
  if (registry === null)
    throw new Error('no schema is registered: call registerSchema before the first resource')
  return registry
}

export function registeredModels(): Datamodel {
  return registered().models
}

/** Throws a plain Error for an unknown name. */
export function modelOf(name: string): Model {
  return modelIn(registered().models, name)
}

/** The values of an enum, in order. Throws a plain Error for an unknown name. */
export function enumValues(name: string): readonly string[] {
  const values = registered().enums.get(name)
  if (values === undefined) throw new Error(`there is no enum ${name}`)
  return values
}

/** The `///` comments of an enum and its values. */
export function enumDescriptions(name: string): EnumDescriptions {
  return registered().enumDescriptions.get(name) ?? { values: [] }
}
