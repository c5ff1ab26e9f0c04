// The texts of a new model's files: its schema, declaration and test.
import { camelOf, nounOf, pluralOf, snakeOf } from '../../core/names.ts'
import type { NewField } from './fields.ts'

export type NewModel = { readonly name: string; readonly fields: readonly NewField[] }

/** The forms of a model's name: `PriceList`, `priceList`, `price_list`, `priceLists`, `price-list`. */
export function namesOf(name: string) {
  const camel = camelOf(name)
  const words = snakeOf(name)
  return {
    camel,
    plural: pluralOf(camel),
    table: pluralOf(words),
    file: words.replaceAll('_', '-'),
    noun: nounOf(name),
  }
}

/** Its part of prisma/schema. */
export function prismaText({ name, fields }: NewModel): string {
  const { table } = namesOf(name)
  const lines = [
    'tenantId String @default(dbgenerated("app.tenant_id()")) @map("tenant_id") @db.Uuid',
    'id String @default(uuid(7)) @db.Uuid',
    ...fields.flatMap((field) => columnLines(name, field)),
    'version Int @default(1)',
    'createdAt DateTime @default(now()) @map("created_at") @db.Timestamptz(3)',
    'updatedAt DateTime @default(now()) @map("updated_at") @db.Timestamptz(3)',
    ...fields.flatMap(relationLines),
    '',
    '@@id([tenantId, id])',
    ...fields.flatMap((field) => (field.isUnique ? [`@@unique([tenantId, ${columnOf(field)}])`] : [])),
    '@@index([tenantId, createdAt, id])',
    ...sortable(fields).map((field) => `@@index([tenantId, ${columnOf(field)}, id])`),
    ...fields.flatMap((field) =>
      field.kind === 'relation' && !field.isUnique
        ? [`@@index([tenantId, ${columnOf(field)}, createdAt, id])`]
        : [],
    ),
    `@@map("${table}")`,
  ]
  const body = lines.map((line) => (line === '' ? '' : `  ${line}`)).join('\n')
  return [`model ${name} {`, body, '}', ...fields.flatMap((field) => enumText(name, field)), ''].join('\n')
}

/** The column of a field, or the first of several. */
function columnOf(field: NewField): string {
  if (field.kind === 'money') return `${field.name}Minor`
  return field.kind === 'relation' ? `${field.name}Id` : field.name
}

function columnLines(model: string, field: NewField): readonly string[] {
  const { name, isOptional } = field
  const optional = isOptional ? '?' : ''
  switch (field.kind) {
    case 'scalar':
      return [
        `${name} ${field.prisma}${optional}${mapped(name)}${field.type === 'datetime' ? ' @db.Timestamptz(3)' : ''}`,
      ]
    case 'money':
      return [
        `${name}Minor BigInt${optional}${mapped(`${name}Minor`)}`,
        `${currencyOf(field)} String${optional}${mapped(currencyOf(field))} @db.Char(3)`,
      ]
    case 'enum':
      return [
        `${name} ${enumName(model, name)}${isOptional ? '?' : ` @default(${field.values[0]})`}${mapped(name)}`,
      ]
    case 'relation':
      return [`${name}Id String${optional}${mapped(`${name}Id`)} @db.Uuid`]
  }
}

function relationLines(field: NewField): readonly string[] {
  if (field.kind !== 'relation') return []
  const { name, model, isOptional } = field
  const keys = `fields: [tenantId, ${name}Id], references: [tenantId, id], onDelete: Restrict, onUpdate: Restrict`
  return [`${name} ${model}${isOptional ? '?' : ''} @relation(${keys})`]
}

function enumText(model: string, field: NewField): readonly string[] {
  if (field.kind !== 'enum') return []
  const name = enumName(model, field.name)
  const map = snakeOf(name)
  return ['', `enum ${name} {`, ...field.values.map((value) => `  ${value}`), '', `  @@map("${map}")`, '}']
}

function enumName(model: string, field: string): string {
  return `${model}${field.charAt(0).toUpperCase()}${field.slice(1)}`
}

function currencyOf({ name }: NewField): string {
  return `${name}Currency`
}

function mapped(name: string): string {
  return snakeOf(name) === name ? '' : ` @map("${snakeOf(name)}")`
}

/**
 * The fields by which a list can be sorted, besides the creation time: texts, numbers, times and amounts that every
 * record has.
 */
function sortable(fields: readonly NewField[]): readonly NewField[] {
  return fields.filter(
    (field) =>
      !field.isOptional &&
      !field.isUnique &&
      (field.kind === 'money' || (field.kind === 'scalar' && !['longtext', 'boolean'].includes(field.type))),
  )
}

/** A text for people. A unique one is a code, which is sorted by code points, as its key in the database is. */
function isAlphabetical(field: NewField): boolean {
  return field.kind === 'scalar' && field.type === 'text' && !field.isOptional && !field.isUnique
}

/** Its declaration. */
export function resourceText({ name, fields }: NewModel, prefix: string): string {
  const { plural, noun } = namesOf(name)
  const relations = fields.filter(({ kind }) => kind === 'relation')
  const filters = fields.filter(({ kind, isUnique }) => kind === 'enum' || kind === 'relation' || isUnique)
  const texts = textsOf(fields)
  const sorts = [
    `'createdAt'`,
    ...[
      ...sortable(fields),
      ...fields.filter((field) => field.isUnique && !field.isOptional && field.kind === 'scalar'),
    ].map((field) => (isAlphabetical(field) ? `{ alphabetical: '${field.name}' }` : `'${field.name}'`)),
  ]
  const columns = fields.filter(({ kind }) => kind !== 'relation')
  const lines = [
    `prefix: '${prefix}',`,
    `permission: '${plural}',`,
    `fields: { ${columns.map((field) => `${field.name}: ${declared(field)}`).join(', ')} },`,
    ...(relations.length > 0
      ? [`one: { ${relations.map((field) => `${field.name}: {}`).join(', ')} },`]
      : []),
    `list: { ${[
      ...(filters.length > 0 ? [`filter: ${listed(filters.map((field) => field.name))}`] : []),
      `sort: [${sorts.join(', ')}]`,
      ...(texts.length > 0 ? [`search: ${listed(texts)}`] : []),
    ].join(', ')} },`,
    `write: ['create', 'update', 'delete'],`,
  ]
  const hasEmail = fields.some((field) => field.kind === 'scalar' && field.type === 'email')
  const imported = fields.some(({ kind }) => kind === 'money') ? 'money, resource' : 'resource'
  return [
    `// The ${noun} in the API.`,
    ...(hasEmail ? [`import { emailAddress } from '../core/email.ts'`] : []),
    `import { ${imported} } from '../graphql/resource/resource.ts'`,
    '',
    `resource('${name}', {`,
    ...lines.map((line) => `  ${line}`),
    '})',
    '',
  ].join('\n')
}

function textsOf(fields: readonly NewField[]): readonly string[] {
  return fields.flatMap((field) => (field.kind === 'scalar' && field.prisma === 'String' ? [field.name] : []))
}

/** The statement of its migration that keeps the words by which it is found; empty for a model without texts. */
export function searchText({ name, fields }: NewModel): string {
  const columns = textsOf(fields).map(snakeOf)
  if (columns.length === 0) return ''
  return `
-- Lists are searched by the words of these columns, which triggers keep.
SELECT app.make_searchable('${namesOf(name).table}', '{${columns.join(',')}}');
`
}

/** Its migration with the collation of the indexes of alphabetical sorts, which Prisma's schema cannot express. */
export function inAlphabet(migration: string, { name, fields }: NewModel): string {
  const { table } = namesOf(name)
  return fields
    .filter(isAlphabetical)
    .map((field) => snakeOf(field.name))
    .reduce(
      (sql, column) =>
        sql.replace(
          `ON "${table}"("tenant_id", "${column}", "id")`,
          `ON "${table}"("tenant_id", "${column}" COLLATE "und-x-icu", "id")`,
        ),
      migration,
    )
}

function declared(field: NewField): string {
  if (field.kind === 'scalar') return field.declared
  return field.kind === 'money' ? `money('${field.name}Minor', '${currencyOf(field)}')` : '{}'
}

function listed(names: readonly string[]): string {
  return `[${names.map((name) => `'${name}'`).join(', ')}]`
}

/** Its test: those of every resource. The author adds the model's own. */
export function testText(name: string): string {
  return `// What every resource must hold, for ${pluralOf(namesOf(name).noun)}. Add what only they do.
import { itIsAResource } from '../support/resource.ts'

itIsAResource('${name}')
`
}
