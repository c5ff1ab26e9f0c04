// Parses the fields of a new model from the command line: `email:email:unique`, `customer:Customer:optional`.
import { AppError } from '../../core/errors.ts'

/** Longer text is `longtext`. */
const TYPES = {
  text: { prisma: 'String', declared: '{}' },
  longtext: { prisma: 'String', declared: '{ length: 10_000 }' },
  email: { prisma: 'String', declared: '{ rule: emailAddress }' },
  int: { prisma: 'Int', declared: '{}' },
  boolean: { prisma: 'Boolean', declared: '{}' },
  datetime: { prisma: 'DateTime', declared: '{}' },
} as const

type Scalar = keyof typeof TYPES

export type NewField = {
  readonly name: string
  readonly isOptional: boolean
  readonly isUnique: boolean
} & (
  | { readonly kind: 'scalar'; readonly type: Scalar; readonly prisma: string; readonly declared: string }
  | { readonly kind: 'money' }
  | { readonly kind: 'enum'; readonly values: readonly string[] }
  | { readonly kind: 'relation'; readonly model: string }
)

const FIELD_NAME = /^[a-z][a-zA-Z0-9]{0,40}$/
const MODEL_NAME = /^[A-Z][a-zA-Z0-9]{0,40}$/
const ENUM_VALUE = /^[A-Z][A-Z0-9_]{0,40}$/
/** The fields that every model has. */
const STANDARD: ReadonlySet<string> = new Set(['id', 'tenantId', 'version', 'createdAt', 'updatedAt'])
const FIELDS_MAX = 50

const USAGE = `Write name:type, and :optional or :unique behind it. Types: ${Object.keys(TYPES).join(', ')}, money, enum(A,B), or the name of a model.`

/** Throws BAD_USER_INPUT for an invalid name. */
export function parseModelName(text: string): string {
  if (MODEL_NAME.test(text)) return text
  throw new AppError('BAD_USER_INPUT', `"${text}" is no name for a model. Write it like PriceList.`)
}

/** Throws BAD_USER_INPUT for an invalid name of a folder. */
export function parseModuleName(text: string): string {
  if (/^[a-z][a-z0-9]{0,30}$/.test(text)) return text
  throw new AppError('BAD_USER_INPUT', `"${text}" is no name for a module. Write it like app.`)
}

/** Throws BAD_USER_INPUT, naming the first invalid field. */
export function parseFields(texts: readonly string[]): readonly NewField[] {
  if (texts.length === 0 || texts.length > FIELDS_MAX)
    throw new AppError('BAD_USER_INPUT', `A model needs 1 to ${FIELDS_MAX} fields. ${USAGE}`)
  const fields = texts.map(parseField)
  const twice = fields.find(({ name }, place) => fields.findIndex((other) => other.name === name) !== place)
  if (twice !== undefined) throw new AppError('BAD_USER_INPUT', `The field ${twice.name} is there twice.`)
  const models = fields.flatMap((field) => (field.kind === 'relation' ? [field.model] : []))
  if (new Set(models).size < models.length)
    throw new AppError(
      'BAD_USER_INPUT',
      'Two relations to one model need names of their own: add the second by hand.',
    )
  return fields
}

function parseField(text: string): NewField {
  const [, name = '', type = '', options = ''] = /^(\w+):(\w+(?:\([\w,]*\))?)((?::\w+)*)$/.exec(text) ?? []
  const words = options.split(':').filter(Boolean)
  const unknown = words.find((word) => word !== 'optional' && word !== 'unique')
  if (!FIELD_NAME.test(name) || unknown !== undefined || STANDARD.has(name)) return refuse(text, name)
  const base = { name, isOptional: words.includes('optional'), isUnique: words.includes('unique') }
  if (Object.hasOwn(TYPES, type)) {
    // Checked above: a key of TYPES.
    const scalar = type as Scalar
    return { ...base, kind: 'scalar', type: scalar, ...TYPES[scalar] }
  }
  if (type === 'money' && words.length === 0) return { ...base, kind: 'money' }
  if (MODEL_NAME.test(type)) return { ...base, kind: 'relation', model: type }
  const values = /^enum\((.+)\)$/.exec(type)?.[1]?.split(',') ?? []
  if (values.length === 0 || values.some((value) => !ENUM_VALUE.test(value))) return refuse(text, name)
  return { ...base, kind: 'enum', values }
}

function refuse(text: string, name: string): never {
  const why = STANDARD.has(name) ? `Every model has the field ${name}.` : USAGE
  throw new AppError('BAD_USER_INPUT', `"${text}" cannot be read. ${why}`)
}
