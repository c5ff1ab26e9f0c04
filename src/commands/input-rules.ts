// How the optional fields of an input treat null: docs/api.md has the rule.
import { z } from 'zod'

type Optional<Rule extends z.ZodType> = z.ZodOptional<z.ZodNullable<Rule>>
/** Its input may be null, so that it takes GraphQL's types, in which every optional field may be; its output is not. */
type Omittable<Rule extends z.ZodType> = z.ZodOptional<
  z.ZodPipe<z.ZodNullable<Rule>, z.ZodType<z.output<Rule>>>
>

/** A value that may be left out and has none then: null, and a text that is empty, are no value either. */
export function clearable<Rule extends z.ZodType>(rule: Rule): Optional<Rule> {
  return z.preprocess(nullIfEmpty, rule.nullish()) as unknown as Optional<Rule>
}

/** A text that may be empty, in a column that is never null: null empties it. */
export function emptiable<Rule extends z.ZodType>(rule: Rule): Optional<Rule> {
  return z.preprocess((value) => (value === null ? '' : value), rule.optional()) as unknown as Optional<Rule>
}

/** A value that may be left out, for a default or to leave it as it is; null is refused as REQUIRED. */
export function omittable<Rule extends z.ZodType>(rule: Rule): Omittable<Rule> {
  return rule.optional() as unknown as Omittable<Rule>
}

function nullIfEmpty(value: unknown): unknown {
  return typeof value === 'string' && value.trim() === '' ? null : value
}
