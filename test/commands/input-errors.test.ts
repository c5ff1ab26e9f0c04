// The codes and params of invalid inputs, and of every rule of every mutation.
import { type GraphQLInputField, getNamedType, isInputObjectType, isNonNullType } from 'graphql'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineCommand } from '../../src/commands/command.ts'
import { checkCall } from '../../src/commands/input.ts'
import { clearable, emptiable, omittable } from '../../src/commands/input-rules.ts'
import { buildSchema } from '../../src/schema.ts'

const NOW = new Date('2026-01-01T00:00:00Z')

const command = defineCommand({
  name: 'thingMake',
  permission: 'members:manage',
  errors: [],
  schema: z.object({
    title: z.string().trim().min(1).max(5),
    code: z.string().min(2).optional(),
    kind: z.enum(['A', 'B']).optional(),
    many: z.array(z.string()).min(1).max(2).optional(),
    count: z.int().min(1).max(9).optional(),
    amount: omittable(z.object({ amountMinor: z.bigint().min(1n).max(10n) })),
    form: z.string().regex(/^a/, 'starts with a').optional(),
    ownRule: z
      .string()
      .refine((text) => text !== 'x', { error: 'not x', params: { code: 'FORMAT', expected: 'no x' } })
      .optional(),
    otherRule: z
      .string()
      .refine(() => false, 'never')
      .optional(),
    note: clearable(z.string().max(3)),
    words: emptiable(z.string().max(3)),
  }),
})

const check = (input: object) => checkCall(command, { title: 'ok', ...input } as never, NOW)
const errorsOf = (input: object) =>
  check(input).errors?.map(({ field, code, params, message }) => [field?.join('.'), code, params, message])

it.each([
  [{ title: undefined }, 'title', 'REQUIRED', undefined, 'a value is needed'],
  [{ title: null }, 'title', 'REQUIRED', undefined, 'a value is needed'],
  [{ title: '  ' }, 'title', 'REQUIRED', undefined, 'a value is needed'],
  [{ title: 'abcdef' }, 'title', 'TOO_LONG', { max: 5 }, 'at most 5 characters'],
  [{ code: 'a' }, 'code', 'TOO_SHORT', { min: 2 }, 'at least 2 characters'],
  [{ kind: 'C' }, 'kind', 'UNKNOWN_VALUE', { allowed: ['A', 'B'] }, 'one of A, B'],
  [{ many: [] }, 'many', 'TOO_FEW', { min: 1 }, 'at least 1 items'],
  [{ many: ['a', 'b', 'c'] }, 'many', 'TOO_MANY', { max: 2 }, 'at most 2 items'],
  [{ count: 0 }, 'count', 'OUT_OF_RANGE', { min: 1, max: 9 }, 'at least 1'],
  [{ count: 10 }, 'count', 'OUT_OF_RANGE', { min: 1, max: 9 }, 'at most 9'],
  [{ count: 1.5 }, 'count', 'FORMAT', { expected: 'int' }, 'this is not of the type int'],
  [
    { amount: { amountMinor: 11n } },
    'amount.amountMinor',
    'OUT_OF_RANGE',
    { min: '1', max: '10' },
    'at most 10',
  ],
  [{ amount: null }, 'amount', 'REQUIRED', undefined, 'a value is needed'],
  [{ form: 'b' }, 'form', 'FORMAT', { expected: 'starts with a' }, 'starts with a'],
  [{ ownRule: 'x' }, 'ownRule', 'FORMAT', { expected: 'no x' }, 'not x'],
  [{ otherRule: 'x' }, 'otherRule', 'INVALID', undefined, 'never'],
  [{ note: 'long' }, 'note', 'TOO_LONG', { max: 3 }, 'at most 3 characters'],
])('%o is refused at %s as %s with %o', (input, field, code, params, message) => {
  expect(errorsOf(input)).toEqual([[field, code, params, message]])
})

it('all problems come at once, each with its own', () => {
  expect(errorsOf({ title: '', count: 0, kind: 'x' })?.map(([field]) => field)).toEqual([
    'title',
    'kind',
    'count',
  ])
})

describe('what null and an empty text are', () => {
  it('clears, empties or is refused, by the rule of the field; left out, nothing is said', () => {
    expect(check({ note: null, words: null }).value).toEqual({ title: 'ok', note: null, words: '' })
    expect(check({ note: ' ', words: '' }).value).toEqual({ title: 'ok', note: null, words: '' })
    expect(check({}).value).toEqual({ title: 'ok' })
  })
})

/** The rules within a schema, by where they stand. */
function rulesIn(schema: z.core.$ZodType, at: string): [string, z.core.$ZodType][] {
  const def = schema._zod.def as unknown as Record<string, unknown>
  const inner = [def.innerType, def.element, def.in, def.out].flatMap((part) =>
    part === undefined ? [] : rulesIn(part as z.core.$ZodType, at),
  )
  const fields = Object.entries((def.shape ?? {}) as Record<string, z.core.$ZodType>)
  return [[at, schema], ...inner, ...fields.flatMap(([name, field]) => rulesIn(field, `${at}.${name}`))]
}

it('no rule of any mutation ends as INVALID: each of its own rules names a code', () => {
  const fields = Object.values(buildSchema().getMutationType()?.getFields() ?? {})
  const rules = fields.flatMap(({ name, extensions }) => {
    const { schema } = extensions.command as { schema: z.ZodType | ((now: Date) => z.ZodType) }
    return rulesIn(typeof schema === 'function' ? schema(NOW) : schema, name)
  })
  expect(rules.length).toBeGreaterThan(fields.length)
  const own = rules.flatMap(([at, schema]) =>
    ((schema._zod.def.checks ?? []) as unknown as { _zod: { def: Record<string, unknown> } }[])
      .filter(({ _zod: { def } }) => def.check === 'custom')
      .map(({ _zod: { def } }) => [at, (def.params as { code?: string } | undefined)?.code]),
  )
  expect(own.length).toBeGreaterThan(3)
  expect(own.filter(([, code]) => code === undefined)).toEqual([])
  const unions = rules.filter(([, schema]) =>
    ['union', 'record', 'map', 'set'].includes(schema._zod.def.type),
  )
  expect(unions.map(([at]) => at)).toEqual([])
})

type Optional = [string, GraphQLInputField, z.ZodType]

function unwrapped(schema: z.ZodType): z.ZodType {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodNullable)
    return unwrapped(schema.unwrap() as z.ZodType)
  if (!(schema instanceof z.ZodPipe)) return schema
  return unwrapped((schema.def.in instanceof z.ZodTransform ? schema.def.out : schema.def.in) as z.ZodType)
}

/** Every field that a client may leave out, at any depth, with its rule. */
function optionalIn(
  at: string,
  fields: Readonly<Record<string, GraphQLInputField>>,
  schema: z.ZodType,
): Optional[] {
  const object = unwrapped(schema)
  if (!(object instanceof z.ZodObject)) return []
  return Object.values(fields).flatMap((field): Optional[] => {
    const rule = object.shape[field.name] as z.ZodType | undefined
    if (rule === undefined) return []
    const name = `${at}.${field.name}`
    const inner = unwrapped(rule)
    const item = inner instanceof z.ZodArray ? (inner.element as z.ZodType) : rule
    const type = getNamedType(field.type)
    const nested = isInputObjectType(type) ? optionalIn(name, type.getFields(), item) : []
    return [...(isNonNullType(field.type) ? [] : [[name, field, rule] as Optional]), ...nested]
  })
}

const optional = Object.values(buildSchema().getMutationType()?.getFields() ?? {}).flatMap((field) => {
  const input = getNamedType(field.args[0]?.type)
  const { schema } = field.extensions.command as { schema: z.ZodType | ((now: Date) => z.ZodType) }
  return isInputObjectType(input)
    ? optionalIn(field.name, input.getFields(), typeof schema === 'function' ? schema(NOW) : schema)
    : []
})

describe('null in an optional field of any mutation', () => {
  it('there are some', () => expect(optional.length).toBeGreaterThan(30))

  it.each(optional)(
    '%s: none or refused, and never ignored; an empty text is the same',
    (_name, field, rule) => {
      const ofNull = rule.safeParse(null)
      if (ofNull.success) expect([null, '']).toContain(ofNull.data)
      else expect(['invalid_type', 'invalid_value']).toContain(ofNull.error.issues[0]?.code)
      if (String(field.type) !== 'String') return
      const ofEmpty = rule.safeParse('')
      expect(ofEmpty.success).toBe(ofNull.success)
      if (ofEmpty.success) expect(ofEmpty.data).toBe(ofNull.data)
    },
  )
})
