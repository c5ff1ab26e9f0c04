// The values of enums with their descriptions, as the builder takes them.
import { enumDescriptions } from '../db/register.ts'

type Described<Value extends string> = { readonly [Name in Value]: { readonly description: string } }

/** A text for each value. */
export function describedValues<Value extends string>(
  texts: Readonly<Record<Value, string>>,
): Described<Value> {
  const entries = Object.entries<string>(texts).map(([value, description]) => [value, { description }])
  return Object.fromEntries(entries) as Described<Value>
}

/** Values of an enum of the database, described as in the Prisma schema. */
export function valuesOfEnum<Value extends string>(name: string, values: readonly Value[]): Described<Value> {
  const texts = new Map(enumDescriptions(name).values)
  const entries = values.map((value) => {
    const description = texts.get(value)
    return [value, description === undefined ? {} : { description }]
  })
  return Object.fromEntries(entries) as Described<Value>
}
