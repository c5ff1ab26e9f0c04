// Compiles the fields of models and their pages: what they want of the rows, and how the rows' texts become JSON.
import {
  type GraphQLField,
  type GraphQLObjectType,
  getNamedType,
  getNullableType,
  isNonNullType,
  isObjectType,
} from 'graphql'
import { type Model, modelIn } from '../db/models.ts'
import type { Layout } from '../db/reader/read-sql.ts'
import { isoOf, rowsOf, type Text, type TextRow } from '../db/reader/texts.ts'
import { type ModelName, registeredModels } from '../db/register.ts'
import { Page, type PagePlan } from '../graphql/keyset.ts'
import type { Projection } from '../graphql/projection.ts'
import { type Asked, type AskedField, fieldsOf, setsOf } from './document.ts'
import { leave, Unwritable } from './uncompiled.ts'
import {
  columnWriter,
  jsonOf,
  priceOf,
  rowWriter,
  type Writing as ValueWriting,
  valueWriter,
  writeObject,
} from './values.ts'
import type { Wanted } from './wanted.ts'
import { LEAF_UNITS, OBJECT_UNITS, type Prices } from './weight.ts'

export type Writing = ValueWriting & {
  /** The pages of the statement's lists, by their places. */
  readonly pages: readonly PagePlan[]
}

/** The JSON of a row's field, or of the whole row. Its units are added. Throws Unwritable. */
export type WriteRow = (row: TextRow, writing: Writing) => string
/** Made when the statement is compiled, and the places of its values are known. */
export type Bind = (layout: Layout, pages: readonly PagePlan[]) => WriteRow

export type Compiling = { readonly asked: Asked; readonly prices: Prices }

type ModelType = GraphQLObjectType
type Field = GraphQLField<unknown, unknown>

/** The model of a type; null: it has none. */
export function modelNameOf(type: GraphQLObjectType): ModelName | null {
  return (type.extensions.model as ModelName | undefined) ?? null
}

/** A record of a model's type. */
export function recordOf(
  compiling: Compiling,
  type: ModelType,
  nodes: AskedField['nodes'],
  wanted: Wanted,
): Bind {
  const name = modelNameOf(type)
  if (name === null) return leave(`${type.name} has no model`)
  const model = modelIn(registeredModels(), name)
  const fields = fieldsOf(compiling.asked, type, setsOf(nodes))
  const units = OBJECT_UNITS + priceOf(compiling.prices, fields)
  const parts = fields.map((field) => partOf(compiling, type, model, field, wanted))
  return (layout, pages) => {
    const write = writeObject<TextRow, Writing, undefined>(
      fields,
      parts.map((bind) => bind(layout, pages)),
    )
    return (row, writing) => {
      writing.units += units
      return write(row, writing, undefined)
    }
  }
}

function partOf(
  compiling: Compiling,
  type: ModelType,
  model: Model,
  asked: AskedField,
  wanted: Wanted,
): Bind {
  if (asked.name === '__typename') return constant(jsonOf(type.name))
  const field = type.getFields()[asked.name] as Field | undefined
  if (field === undefined) return leave(`${type.name} has no ${asked.name}`)
  const needs = field.extensions.projection as Projection | undefined
  if (needs === undefined) return exposedPart(type, model, field, wanted)
  if ('one' in needs) return onePart(compiling, field, needs.one, asked, wanted)
  if ('many' in needs) return listPart(compiling, field, needs, asked, wanted)
  return computedPart(compiling, type, model, field, needs, asked, wanted)
}

function constant(json: string): Bind {
  return () => (_row, writing) => {
    writing.units += LEAF_UNITS
    return json
  }
}

function exposedPart(type: ModelType, model: Model, field: Field, wanted: Wanted): Bind {
  const column = model.columns.get(field.name)
  if (column === undefined || field.extensions.pothosExposedField !== field.name)
    return leave(`${type.name}.${field.name} is not made of its row’s columns alone`)
  const write = columnWriter(field.type, column)
  wanted.columns.add(field.name)
  return (layout) => write(slotOf(layout, field.name))
}

function slotOf({ columns }: Layout, name: string): number {
  const found = columns.get(name)
  if (found === undefined) throw new Error(`the column ${name} was not selected`)
  return found.slot
}

function computedPart(
  compiling: Compiling,
  type: ModelType,
  model: Model,
  field: Field,
  needs: Extract<Projection, { readonly columns: readonly string[] }>,
  asked: AskedField,
  wanted: Wanted,
): Bind {
  const { columns, of, text } = needs
  if (of === undefined || field.args.length > 0)
    return leave(`${type.name}.${field.name} is not made of its row’s columns alone`)
  const named = columns.map((name) => {
    const column = model.columns.get(name)
    if (column === undefined) throw new Error(`${type.name}.${field.name} needs an unknown column ${name}`)
    wanted.columns.add(name)
    return [name, column] as const
  })
  const writeValue = valueWriter(compiling, field.type, asked)
  const make = of as (row: object, context: Writing['context']) => unknown
  const compute: Bind = (layout) => {
    const rowOf = rowWriter(named.map(([name, column]) => [name, slotOf(layout, name), column] as const))
    return (row, writing) => writeValue(make(rowOf(row), writing.context), writing)
  }
  if (columns.length === 0) return compute
  const fast = text !== undefined ? textPart(text, columns) : textObjectPart(compiling, field, needs, asked)
  if (fast === null) return compute
  const nullable = named.flatMap(([name, { isNullable }]) => (isNullable ? name : []))
  if (nullable.length === 0) return fast
  return (layout, pages) => {
    const slots = nullable.map((name) => slotOf(layout, name))
    const [computed, quick] = [compute(layout, pages), fast(layout, pages)]
    return (row, writing) =>
      slots.every((slot) => row[slot] !== null) ? quick(row, writing) : computed(row, writing)
  }
}

type FromTexts = (...texts: readonly string[]) => string

function textPart(text: FromTexts, columns: readonly string[]): Bind {
  return (layout) => {
    const make = fromSlots(
      text,
      columns.map((name) => slotOf(layout, name)),
    )
    return (row, writing) => {
      writing.units += LEAF_UNITS
      return make(row)
    }
  }
}

/** Calls `text` with the texts of the slots, none of which is NULL. */
function fromSlots(text: FromTexts, slots: readonly number[]): (row: TextRow) => string {
  const [first = 0, second = 0] = slots
  if (slots.length === 1) return (row) => text(row[first] as string)
  if (slots.length === 2) return (row) => text(row[first] as string, row[second] as string)
  return (row) => text(...slots.map((slot) => row[slot] as string))
}

/** An object, each of whose asked fields is made of the texts of the columns; null: it has others. */
function textObjectPart(
  { asked, prices }: Compiling,
  field: Field,
  { columns, passesTexts }: Extract<Projection, { readonly columns: readonly string[] }>,
  own: AskedField,
): Bind | null {
  const type = getNullableType(field.type)
  if (passesTexts !== true || !isObjectType(type)) return null
  const fields = fieldsOf(asked, type, setsOf(own.nodes))
  const texts = fields.map(({ name }) =>
    name === '__typename'
      ? () => jsonOf(type.name)
      : (type.getFields()[name]?.extensions.fromTexts as FromTexts | undefined),
  )
  const made = texts.filter((text) => text !== undefined)
  if (made.length < texts.length) return null
  const units = OBJECT_UNITS + fields.length * LEAF_UNITS + priceOf(prices, fields)
  return (layout) => {
    const slots = columns.map((name) => slotOf(layout, name))
    const write = writeObject<TextRow, undefined, undefined>(
      fields,
      made.map((text) => fromSlots(text, slots)),
    )
    return (row, writing) => {
      writing.units += units
      return write(row, undefined, undefined)
    }
  }
}

function onePart(
  compiling: Compiling,
  field: Field,
  relation: string,
  asked: AskedField,
  wanted: Wanted,
): Bind {
  const type = getNamedType(field.type)
  if (!isObjectType(type)) return leave(`${field.name} is no object`)
  const isRequired = isNonNullType(field.type)
  const bind = recordOf(compiling, type, asked.nodes, wanted.one(relation))
  return ({ ones }, pages) => {
    const found = ones.get(relation)
    if (found === undefined) throw new Error(`the relation ${relation} was not selected`)
    const { slot } = found
    const write = bind(found.layout, pages)
    return (row, writing) => {
      if (row[slot] !== null) return write(row, writing)
      if (isRequired) throw new Unwritable('null in a field that is never null')
      writing.units += LEAF_UNITS
      return 'null'
    }
  }
}

function listPart(
  compiling: Compiling,
  field: Field,
  needs: Extract<Projection, { readonly many: string }>,
  asked: AskedField,
  wanted: Wanted,
): Bind {
  const type = getNamedType(field.type)
  if (!isObjectType(type)) return leave(`${field.name} is no object`)
  const { many: relation } = needs
  const list = wanted.list(needs, field, asked)
  const page = pageOf(compiling, type, asked.nodes, list.rows)
  if (page.totals.length > 0) wanted.counts.add(relation)
  return ({ lists, counts }, pages) => {
    const found = lists.get(relation)
    if (found === undefined) throw new Error(`the list ${relation} was not selected`)
    const { slot } = found
    const write = page.bind(found.layout, pages, pages[list.place] as PagePlan)
    const totalSlot = counts.get(relation)
    return (row, writing) => {
      const total = totalSlot === undefined ? null : (row[totalSlot] as Text)
      return write(rowsOf(row[slot] as string), writing, writing.pages[list.place] as PagePlan, total)
    }
  }
}

/** The JSON of a page. `total`: the JSON of its totalCount, if that is asked for. */
export type WritePage = (rows: TextRow[], writing: Writing, plan: PagePlan, total: string | null) => string

export type PageParts = {
  /** `plan`: of any request; its sort is read. */
  readonly bind: (layout: Layout, pages: readonly PagePlan[], plan: PagePlan) => WritePage
  /** Its fields that count the whole list. */
  readonly totals: readonly AskedField[]
}

/** A part of a page, or of one of its rows. */
type WritePart = (page: Page<TextRow>, writing: Writing, total: string | null) => string
type BindPart = (layout: Layout, pages: readonly PagePlan[]) => WritePart
type WriteEdge = (row: TextRow, page: Page<TextRow>, writing: Writing) => string

/** A connection: its fields are those of connections.ts. */
export function pageOf(
  compiling: Compiling,
  connection: GraphQLObjectType,
  nodes: AskedField['nodes'],
  wanted: Wanted,
): PageParts {
  const { asked, prices } = compiling
  const fields = fieldsOf(asked, connection, setsOf(nodes))
  const units = OBJECT_UNITS + priceOf(prices, fields)
  const parts = fields.map((field) => pagePart(compiling, connection, field, wanted))
  return {
    totals: fields.filter(({ name }) => name === 'totalCount'),
    bind: (layout, pages, { sort }) => {
      const write = writeObject(
        fields,
        parts.map((bind) => bind(layout, pages)),
      )
      const positionOf = wanted.hasCursors ? positionIn(layout, sort) : noPosition
      return (rows, writing, plan, total) => {
        writing.units += units
        const page = new Page(rows, plan, positionOf, noTotal)
        return write(page, writing, total)
      }
    },
  }
}

function noTotal(): never {
  throw new Error('a compiled page is given its total')
}

function noPosition(): never {
  throw new Error('the page has no cursors')
}

/** Of a row: its value of the sort, in the form of cursors, and its id. */
function positionIn(
  layout: Layout,
  { column, type }: PagePlan['sort'],
): (row: TextRow) => { shown: unknown; id: string } {
  const [valueSlot, idSlot] = [slotOf(layout, column), slotOf(layout, 'id')]
  const shownOf: (text: string) => unknown =
    type === 'date' ? isoOf : type === 'number' ? Number : (text) => text
  return (row) => ({ shown: shownOf(row[valueSlot] as string), id: row[idSlot] as string })
}

function pagePart(
  compiling: Compiling,
  connection: GraphQLObjectType,
  asked: AskedField,
  wanted: Wanted,
): BindPart {
  switch (asked.name) {
    case '__typename':
      return constantPart(jsonOf(connection.name))
    case 'totalCount':
      return () => (_page, writing, total) => {
        writing.units += LEAF_UNITS
        return total ?? 'null'
      }
    case 'nodes': {
      const bind = recordOf(compiling, objectOf(connection, asked), asked.nodes, wanted)
      return (layout, pages) => {
        const write = bind(layout, pages)
        return (page, writing) => listOf(page.nodes, (row) => write(row, writing))
      }
    }
    case 'edges':
      return edgesPart(compiling, objectOf(connection, asked), asked, wanted)
    case 'pageInfo':
      return pageInfoPart(compiling, objectOf(connection, asked), asked, wanted)
    default:
      return leave(`${connection.name}.${asked.name} is no field of all connections`)
  }
}

function constantPart(json: string): BindPart {
  return () => (_page, writing) => {
    writing.units += LEAF_UNITS
    return json
  }
}

function objectOf(parent: GraphQLObjectType, { name }: AskedField): GraphQLObjectType {
  const field = parent.getFields()[name]
  const type = field === undefined ? undefined : getNamedType(field.type)
  return isObjectType(type) ? type : leave(`${parent.name}.${name} is no object`)
}

function listOf(rows: readonly TextRow[], write: (row: TextRow) => string): string {
  let json = '['
  for (let index = 0; index < rows.length; index += 1)
    json += index === 0 ? write(rows[index] as TextRow) : `,${write(rows[index] as TextRow)}`
  return `${json}]`
}

function edgesPart(
  compiling: Compiling,
  edge: GraphQLObjectType,
  asked: AskedField,
  wanted: Wanted,
): BindPart {
  const fields = fieldsOf(compiling.asked, edge, setsOf(asked.nodes))
  const units = OBJECT_UNITS + priceOf(compiling.prices, fields)
  const parts = fields.map((field) => edgePart(compiling, edge, field, wanted))
  return (layout, pages) => {
    const write = writeObject(
      fields,
      parts.map((bind) => bind(layout, pages)),
    )
    return (page, writing) =>
      listOf(page.nodes, (row) => {
        writing.units += units
        return write(row, page, writing)
      })
  }
}

function edgePart(
  compiling: Compiling,
  edge: GraphQLObjectType,
  asked: AskedField,
  wanted: Wanted,
): (layout: Layout, pages: readonly PagePlan[]) => WriteEdge {
  switch (asked.name) {
    case '__typename':
      return () => (_row, _page, writing) => {
        writing.units += LEAF_UNITS
        return jsonOf(edge.name)
      }
    case 'cursor':
      wanted.hasCursors = true
      return () => (row, page, writing) => {
        writing.units += LEAF_UNITS
        return jsonOf(page.cursorOf(row))
      }
    case 'node': {
      const bind = recordOf(compiling, objectOf(edge, asked), asked.nodes, wanted)
      return (layout, pages) => {
        const write = bind(layout, pages)
        return (row, _page, writing) => write(row, writing)
      }
    }
    default:
      return leave(`${edge.name}.${asked.name} is no field of all edges`)
  }
}

const PAGE_INFO: Readonly<Record<string, (page: Page<TextRow>) => boolean | string | null>> = {
  hasNextPage: ({ hasNextPage }) => hasNextPage,
  hasPreviousPage: ({ hasPreviousPage }) => hasPreviousPage,
  startCursor: ({ startCursor }) => startCursor,
  endCursor: ({ endCursor }) => endCursor,
}
const CURSORS: ReadonlySet<string> = new Set(['startCursor', 'endCursor'])

function pageInfoPart(
  compiling: Compiling,
  type: GraphQLObjectType,
  asked: AskedField,
  wanted: Wanted,
): BindPart {
  const fields = fieldsOf(compiling.asked, type, setsOf(asked.nodes))
  const units = OBJECT_UNITS + fields.length * LEAF_UNITS + priceOf(compiling.prices, fields)
  const parts = fields.map((field) => {
    if (CURSORS.has(field.name)) wanted.hasCursors = true
    const read = field.name === '__typename' ? () => type.name : PAGE_INFO[field.name]
    if (read === undefined) return leave(`${type.name}.${field.name} is no field of all pages`)
    return (page: Page<TextRow>) => JSON.stringify(read(page))
  })
  const write = writeObject<Page<TextRow>, undefined, undefined>(fields, parts)
  return () => (page, writing) => {
    writing.units += units
    return write(page, undefined, undefined)
  }
}
