// A filter by a span of time: by instants, or by days of the tenant's calendar.
import type { InputFieldRef } from '@pothos/core'
import { builder, type SchemaTypes } from './builder.ts'

type Types = PothosSchemaTypes.ExtendDefaultTypes<SchemaTypes>
type InputBuilder = PothosSchemaTypes.InputFieldBuilder<Types, 'InputObject'>

const DayRange = builder.inputType('DayRange', {
  description:
    "Days of the tenant's calendar, in its time zone: from the start of `from` to the end of `until`.",
  fields: (t) => ({
    from: t.field({ type: 'Date', description: 'The first day. Default: no bound.' }),
    until: t.field({ type: 'Date', description: 'The last day, inclusive. Default: no bound.' }),
  }),
})

type Days = typeof DayRange.$inferInput
/** `fromDay` and `untilDay` are the reader's: PostgreSQL looks up the tenant's time zone. */
type Span = { readonly gte?: Date; readonly lt?: Date; readonly fromDay?: string; readonly untilDay?: string }

/** `placedFrom`, `placedBefore` and `placedOn` for the stem `placed`. */
export type SpanFields<Stem extends string> = {
  readonly [Name in `${Stem}From` | `${Stem}Before`]: InputFieldRef<Types, Date | null | undefined>
} & { readonly [Name in `${Stem}On`]: InputFieldRef<Types, Days | null | undefined> }

/** The fields of a filter by a time. `what`: what happened then, as `Placed`. */
export function spanFields<const Stem extends string>(
  t: InputBuilder,
  stem: Stem,
  what: string,
): SpanFields<Stem> {
  const fields = {
    [`${stem}From`]: t.field({ type: 'DateTime', description: `${what} at this instant or later.` }),
    [`${stem}Before`]: t.field({ type: 'DateTime', description: `${what} before this instant.` }),
    [`${stem}On`]: t.field({ type: DayRange, description: `${what} on these days.` }),
  }
  // The compiler widens computed names to any text.
  return fields as unknown as SpanFields<Stem>
}

/** The condition of a filter's span fields, to be spread into others; empty without any. */
export function spanOf<Column extends string>(
  column: Column,
  stem: string,
  filter: Readonly<Record<string, unknown>> | null | undefined,
): { readonly [Name in Column]?: { readonly gte?: Date; readonly lt?: Date } } {
  const from = filter?.[`${stem}From`] as Date | null | undefined
  const before = filter?.[`${stem}Before`] as Date | null | undefined
  const days = filter?.[`${stem}On`] as Days | null | undefined
  const span: Span = {
    ...(from && { gte: from }),
    ...(before && { lt: before }),
    ...(days?.from && { fromDay: days.from }),
    ...(days?.until && { untilDay: days.until }),
  }
  return (Object.keys(span).length === 0 ? {} : { [column]: span }) as { readonly [Name in Column]?: Span }
}
