// The types of readMany: Prisma's own for findMany, without what the reader does not support.
// `Delegate` is the type of a model of any generated client.
import type { AnyNull, DbNull, InputJsonValue, JsonNull, Types } from '@prisma/client/runtime/client'

/** The models of a generated client: `customer`. */
export type DelegateName<Client> = {
  [Name in keyof Client & string]: Client[Name] extends { readonly findMany: unknown } ? Name : never
}[keyof Client & string]

type FindMany<Delegate> = Types.Public.Args<Delegate, 'findMany'>

/** The `where` of a model. */
export type WhereOf<Delegate> = Taken<NonNullable<FindMany<Delegate>['where']>>

type Value = string | number | bigint | boolean | Date | null | undefined

/**
 * A filter without comparisons with other columns and with bytes, without filters of list columns, and with `DocumentFilter`
 * for JSON.
 */
type Taken<Filter> = Filter extends Value
  ? Filter
  : Filter extends Uint8Array
    ? never
    : Filter extends readonly (infer Item)[]
      ? readonly Taken<Item>[]
      : 'AND' extends keyof Filter
        ? TakenWhere<Filter>
        : 'every' extends keyof Filter
          ? TakenWhere<Filter>
          : 'typeName' extends keyof Filter
            ? never
            : 'array_contains' extends keyof Filter
              ? DocumentFilter
              : 'has' extends keyof Filter
                ? never
                : TakenComparisons<Filter>

/** Relations are not compared with null: their foreign key is. */
type TakenWhere<Where> = {
  readonly [Field in keyof Where]: IsRelation<Where[Field]> extends true
    ? Exclude<Taken<Where[Field]>, null>
    : Taken<Where[Field]>
}
type IsRelation<Filter> = 'AND' extends KeysOf<Filter> ? true : 'every' extends KeysOf<Filter> ? true : false
type KeysOf<Union> = Union extends Value ? never : keyof Union

/** UUIDs have no `contains`, and no `mode`: PostgreSQL has no ILIKE for them. */
type TakenComparisons<Filter> = {
  readonly [Operator in keyof Filter as Operator extends 'mode'
    ? 'contains' extends keyof Filter
      ? 'mode'
      : never
    : Operator]: Operator extends 'not' ? NotNot<Taken<Filter[Operator]>> : Taken<Filter[Operator]>
}
type NotNot<Filter> = Filter extends Value ? Filter : Omit<Filter, 'not'>

/** `asText` searches the document's text. It is the one filter that Prisma lacks. */
type DocumentFilter = {
  readonly equals?: InputJsonValue | JsonNullFilter
  readonly not?: InputJsonValue | JsonNullFilter
  readonly asText?: { readonly contains: string; readonly mode?: 'default' | 'insensitive' }
}
type JsonNullFilter = typeof DbNull | typeof JsonNull | typeof AnyNull

/** Only by columns. */
type TakenOrder<Order> = Order extends readonly (infer Item)[]
  ? readonly TakenOrder<Item>[]
  : { readonly [Field in keyof Order as IsSortable<Order[Field]> extends true ? Field : never]: Order[Field] }
type IsSortable<Direction> = 'asc' extends Direction ? true : false

type TakenSelect<Select> = { readonly [Field in keyof Select]: TakenSelected<Select[Field]> }
type TakenSelected<Selected> = Selected extends Value
  ? Selected
  : 'take' extends keyof Selected
    ? TakenArguments<Selected>
    : 'select' extends keyof Selected
      ? { readonly select?: TakenSelect<NonNullable<Selected['select']>> }
      : { readonly where?: Taken<Selected['where' & keyof Selected]> }

type TakenArguments<Arguments> = {
  readonly select?: TakenSelect<NonNullable<Arguments['select' & keyof Arguments]>>
  readonly where?: Taken<Arguments['where' & keyof Arguments]>
  readonly orderBy?: TakenOrder<NonNullable<Arguments['orderBy' & keyof Arguments]>>
  readonly take?: number
}

/** `Given` with `never` for each field that `Taken` lacks, at every depth. */
type Known<Given, Taken> = Given extends Value
  ? Given
  : Given extends readonly unknown[]
    ? { readonly [Index in keyof Given]: Known<Given[Index], ItemOf<Taken>> }
    : {
        readonly [Field in keyof Given]: Field extends KeysOf<Taken>
          ? Known<Given[Field], At<Taken, Field>>
          : never
      }
type ItemOf<Union> = Union extends readonly (infer Item)[] ? Item : never
type At<Union, Field> = Union extends Value ? never : Field extends keyof Union ? Union[Field] : never

type ReadArguments<Delegate> = TakenArguments<FindMany<Delegate>>

/** The methods that a model of the tenant's client has in addition to Prisma's. */
export type ModelReader<Delegate> = {
  /**
   * The rows that `findMany` returns for the same arguments, with their relations, by one statement and at a third of the
   * cost. Rejects with a plain Error that names an unsupported argument.
   */
  readMany<const Select extends ReadArguments<Delegate>['select'] = undefined>(
    query?: Omit<ReadArguments<Delegate>, 'select'> & {
      readonly select?: Select & Known<Select, NonNullable<ReadArguments<Delegate>['select']>>
    },
  ): Promise<Types.Public.Result<Delegate, { select: Select }, 'findMany'>>
  /** The number of rows that match `where`. */
  readCount(query?: { readonly where?: ReadArguments<Delegate>['where'] }): Promise<number>
}
