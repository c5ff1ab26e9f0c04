// Random valid operations, drawn from the schema: a document, and its variables for each request.
import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
  isRequiredArgument,
  isRequiredInputField,
  type OperationTypeNode,
  parse,
  print,
  validate,
} from 'graphql'

type Field = GraphQLField<unknown, unknown>

/** Draws from a seed. */
export class Draw {
  readonly #random: () => number
  constructor(random: () => number) {
    this.#random = random
  }

  below(count: number): number {
    return Math.floor(this.#random() * count)
  }

  chance(share: number): boolean {
    return this.#random() < share
  }

  /** Throws for an empty list. */
  of<T>(from: readonly T[]): T {
    if (from.length === 0) throw new Error('nothing to draw from')
    return from[this.below(from.length)] as T
  }

  some<T>(from: readonly T[], max: number): T[] {
    const left = [...from]
    const taken: T[] = []
    while (taken.length < max && left.length > 0) taken.push(...left.splice(this.below(left.length), 1))
    return taken
  }
}

/** A value in a place of an input. */
export type Place = {
  readonly type: string
  /** Of the argument or the input's field. */
  readonly name: string
  /** The type of what the field with the argument returns. */
  readonly returned: string
}

/** Values for strings, ids and the module's own scalars. */
export type ValueFor = (place: Place, draw: Draw) => unknown

export type RandomOperation = {
  readonly query: string
  readonly operationName?: string
  readonly kind: OperationTypeNode
  /** Each request draws its own. */
  readonly variables: () => Record<string, unknown>
}

export type Options = {
  readonly schema: GraphQLSchema
  readonly draw: Draw
  readonly valueFor: ValueFor
  /** Of a mutation: arguments with which it may succeed. */
  readonly argumentsFor: (mutation: string) => Readonly<Record<string, unknown>> | null
  /** Fields, such as `Order.timeline`, that most operations do not have. */
  readonly seldom: (field: string) => boolean
  /** Fields that none has. */
  readonly never: (field: string) => boolean
}

const DEPTH_MAX = 6
const ROOTS_MAX = 3
const ATTEMPTS_MAX = 20

/** An operation with this field at its root. */
export function randomOperation(options: Options, kind: OperationTypeNode, field: string): RandomOperation {
  for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
    const made = new Maker(options, kind).make(field)
    if (made !== null) return made
  }
  throw new Error(`no valid operation was drawn for ${field}`)
}

type Variable = { readonly text: string; readonly draws: () => unknown }

class Maker {
  readonly #schema: GraphQLSchema
  readonly #draw: Draw
  readonly #options: Options
  readonly #kind: OperationTypeNode
  readonly #variables = new Map<string, Variable>()
  readonly #fragments: { readonly name: string; readonly type: string; readonly text: string }[] = []
  /** Fields without an alias have the same arguments wherever they are merged. */
  readonly #argumentsOf = new Map<string, string>()
  readonly #isUsual: boolean
  #names = 0
  /** Fields left to draw. */
  #left: number

  constructor(options: Options, kind: OperationTypeNode) {
    this.#options = options
    this.#schema = options.schema
    this.#draw = options.draw
    this.#kind = kind
    this.#left = 6 + options.draw.below(40)
    this.#isUsual = options.draw.chance(0.8)
  }

  /** Null: the document is invalid, since merged fields conflict. */
  make(name: string): RandomOperation | null {
    const draw = this.#draw
    const root = this.#schema.getRootType(this.#kind) as GraphQLObjectType
    const names = [name]
    const all = Object.keys(root.getFields()).filter((one) => this.#mayHave(root, one))
    while (names.length < ROOTS_MAX && draw.chance(0.2)) names.push(draw.of(all))
    const parts = names.map((one) => this.#field(root, root.getFields()[one] as Field, DEPTH_MAX, ''))
    if (draw.chance(0.1)) parts.push(`__typename${this.#condition()}`)
    const body = `{ ${parts.join(' ')} }`
    const variables = [...this.#variables].map(([variable, { text }]) => `$${variable}: ${text}`)
    const hasName = draw.chance(0.4)
    const own = `${this.#kind}${hasName ? ' Asked' : ''}${variables.length > 0 ? `(${variables.join(', ')})` : ''} ${body}`
    const fragments = this.#fragments.map(
      ({ name: fragment, type, text }) => `fragment ${fragment} on ${type} ${text}`,
    )
    const hasOther = hasName && draw.chance(0.3)
    const definitions = [own, ...(hasOther ? ['query Other { __typename }'] : []), ...fragments]
    const query = definitions.join('\n')
    const document = parsed(query)
    if (validate(this.#schema, document).length > 0) return null
    const drawn = [...this.#variables]
    return {
      query: draw.chance(0.1) ? print(document) : query,
      ...(hasOther || (hasName && draw.chance(0.5)) ? { operationName: 'Asked' } : {}),
      kind: this.#kind,
      variables: () => this.#valuesOf(drawn),
    }
  }

  #valuesOf(variables: readonly (readonly [string, Variable])[]): Record<string, unknown> {
    const values: Record<string, unknown> = {}
    const draw = this.#draw
    const wrong = draw.chance(0.08) ? draw.below(variables.length) : -1
    for (const [place, [name, { text, draws }]] of variables.entries()) {
      if (place === wrong) values[name] = draw.of([{ wrong: 1 }, 'wrong', null, [[1.5]], 1e30])
      else if (draw.chance(isOptional(text) ? 0.25 : 0.005)) continue
      else if (!text.endsWith('!') && draw.chance(0.1)) values[name] = null
      else values[name] = draws()
    }
    if (this.#draw.chance(0.03)) values.unknown = 'nobody asks for it'
    return values
  }

  /** The text of a field: alias, arguments, condition, selection. */
  #field(parent: GraphQLObjectType, field: Field, depth: number, prefix: string): string {
    this.#left -= 1
    const isRoot = depth === DEPTH_MAX
    const hasAlias = this.#draw.chance(isRoot ? 0.4 : 0.15)
    const alias = hasAlias ? `${prefix}a${this.#name()}: ` : prefix === '' ? '' : `${prefix}${field.name}: `
    const place = `${parent.name}.${field.name}`
    const args = hasAlias
      ? this.#arguments(field, isRoot)
      : (this.#argumentsOf.get(place) ?? this.#arguments(field, isRoot))
    if (!hasAlias) this.#argumentsOf.set(place, args)
    const condition = this.#condition()
    const head = `${alias}${field.name}${args}`
    const type = getNamedType(field.type)
    if (isLeafType(type)) return `${head}${condition}`
    const text = `${head}${condition} ${this.#selection(type.name, depth - 1)}`
    // Merged with itself: another selection of the same field.
    if (!this.#draw.chance(0.08)) return text
    return `${text} ${head}${this.#condition()} ${this.#selection(type.name, depth - 1)}`
  }

  #selection(name: string, depth: number, prefix = ''): string {
    const type = this.#schema.getType(name)
    const draw = this.#draw
    if (isInterfaceType(type)) {
      const parts = draw
        .some(this.#schema.getPossibleTypes(type), 1 + draw.below(3))
        .map((one) => `... on ${one.name} ${this.#selection(one.name, depth - 1, `${one.name}_`)}`)
      return `{ __typename ${draw.chance(0.5) ? 'id ' : ''}${parts.join(' ')} }`
    }
    if (!isObjectType(type)) throw new Error(`nothing selects from ${name}`)
    const fields = Object.values(type.getFields()).filter(
      (field) => this.#mayHave(type, field.name) && this.#isWanted(field, depth),
    )
    const isPage = /(Connection|Edge)$/.test(name)
    const taken = draw.some(fields, 1 + draw.below(isPage ? 3 : 7))
    const parts = taken.map((field) => this.#wrapped(type, this.#field(type, field, depth, prefix), prefix))
    if (parts.length === 0 || draw.chance(0.15))
      parts.push(
        `${draw.chance(0.3) ? `${prefix}t${this.#name()}: ` : ''}__typename${this.#condition(parts.length > 0)}`,
      )
    if (prefix === '' && draw.chance(0.1)) this.#spread(type, parts)
    return `{ ${parts.join(' ')} }`
  }

  #mayHave({ name }: GraphQLObjectType, field: string): boolean {
    const place = `${name}.${field}`
    return !this.#options.never(place) && !(this.#isUsual && this.#options.seldom(place))
  }

  #isWanted({ type }: Field, depth: number): boolean {
    return isLeafType(getNamedType(type)) || (depth > 0 && this.#left > 0)
  }

  /** Within a fragment, or not. */
  #wrapped(type: GraphQLObjectType, text: string, prefix: string): string {
    const draw = this.#draw
    if (draw.chance(0.85)) return text
    if (draw.chance(0.3)) return `... ${this.#condition()} { ${text} }`
    if (draw.chance(0.5) || prefix !== '') return `... on ${type.name}${this.#condition()} { ${text} }`
    return `...${this.#fragment(type.name, `{ ${text} }`)}${this.#condition()}`
  }

  /** A fragment of an interface, or one that is used elsewhere already. */
  #spread(type: GraphQLObjectType, parts: string[]): void {
    const [known] = this.#draw.some(
      this.#fragments.filter((one) => one.type === type.name),
      1,
    )
    const [shared] = type.getInterfaces()
    if (known !== undefined) parts.push(`...${known.name}${this.#condition()}`)
    else if (shared !== undefined) parts.push(`... on ${shared.name}${this.#condition()} { id __typename }`)
  }

  #fragment(type: string, text: string): string {
    const name = `F${this.#name()}`
    this.#fragments.push({ name, type, text })
    return name
  }

  #condition(isAllowed = true): string {
    const draw = this.#draw
    if (!isAllowed || draw.chance(0.93)) return ''
    const directive = draw.of(['skip', 'include'])
    // An object of which nothing is left is valid, too.
    const value = draw.chance(0.4) ? String(draw.chance(0.5)) : `$${this.#boolean()}`
    return ` @${directive}(if: ${value})`
  }

  #boolean(): string {
    const known = [...this.#variables.keys()].filter((name) => name.startsWith('is'))
    if (known.length > 0 && this.#draw.chance(0.6)) return this.#draw.of(known)
    const name = `is${this.#name()}`
    const text = this.#draw.of(['Boolean!', 'Boolean!', 'Boolean! = true', 'Boolean = false'])
    this.#variables.set(name, { text, draws: () => this.#draw.chance(0.5) })
    return name
  }

  #name(): number {
    this.#names += 1
    return this.#names
  }

  #arguments(field: Field, isRoot: boolean): string {
    const given = isRoot && this.#kind === 'mutation' ? this.#options.argumentsFor(field.name) : null
    const returned = getNamedType(field.type).name
    const pages = new Set(
      this.#draw.chance(0.04) ? ['first', 'last'] : [this.#draw.of(['first', 'first', 'last'])],
    )
    const parts = field.args.flatMap((arg) => {
      const own = given?.[arg.name]
      if (own !== undefined) return `${arg.name}: ${this.#given(arg, own)}`
      if (arg.name === 'first' || arg.name === 'last') {
        if (!pages.has(arg.name) || this.#draw.chance(isRoot ? 0.1 : 0.03)) return []
      } else if (!isRequiredArgument(arg) && this.#draw.chance(arg.name === 'before' ? 0.85 : 0.65)) return []
      return `${arg.name}: ${this.#value(arg.type, { name: arg.name, returned }, true)}`
    })
    return parts.length === 0 ? '' : `(${parts.join(', ')})`
  }

  /** A given value: written out, or a variable, which sometimes has one of its values replaced. */
  #given({ type, name }: GraphQLArgument, value: unknown): string {
    if (this.#draw.chance(0.3)) return literalOf(type, value)
    return this.#variable(String(type), name, () => (this.#draw.chance(0.2) ? this.#spoiled(value) : value))
  }

  #spoiled(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    const [key] = this.#draw.some(
      Object.keys(value).filter((one) => one !== 'idempotencyKey'),
      1,
    )
    if (key === undefined) return value
    const before = (value as Record<string, unknown>)[key]
    const made =
      typeof before === 'number'
        ? before + 1
        : typeof before === 'string'
          ? this.#draw.of(['', ' ', '"\\{},', `${before}x`])
          : before
    return Array.isArray(value) ? value : { ...value, [key]: made }
  }

  #variable(type: string, name: string, draws: () => unknown, fallback?: string): string {
    const variable = `${name}${this.#name()}`
    this.#variables.set(variable, { text: fallback === undefined ? type : `${type} = ${fallback}`, draws })
    return `$${variable}`
  }

  #value(type: GraphQLInputType, at: Omit<Place, 'type'>, isTop: boolean): string {
    const draws = () => this.#drawn(type, at)
    if (this.#draw.chance(isTop ? 0.45 : 0.25)) {
      const nullable = String(getNullableType(type))
      // A variable of the nullable type with a default may stand where null is refused.
      if (isNonNullType(type) && this.#draw.chance(0.2))
        return this.#variable(nullable, at.name, draws, literalOf(type, draws()))
      if (!isNonNullType(type) && this.#draw.chance(0.2))
        return this.#variable(nullable, at.name, draws, literalOf(type, draws()))
      if (!isNonNullType(type) && this.#draw.chance(0.2))
        return this.#variable(`${nullable}!`, at.name, draws)
      return this.#variable(String(type), at.name, draws)
    }
    const inner = getNullableType(type)
    if (isInputObjectType(inner) && this.#draw.chance(0.6)) {
      const fields = this.#fieldsOf(inner)
      return `{ ${fields.map((field) => `${field.name}: ${this.#value(field.type, { ...at, name: field.name }, false)}`).join(', ')} }`
    }
    return literalOf(type, draws())
  }

  #fieldsOf(type: Extract<GraphQLInputType, { getFields: unknown }>) {
    const fields = Object.values(type.getFields())
    const { exactlyOne } = type.extensions as { exactlyOne?: readonly string[] }
    const one = exactlyOne === undefined || this.#draw.chance(0.03) ? null : this.#draw.of(exactlyOne)
    return fields.filter((field) => {
      if (isRequiredInputField(field)) return true
      if (one !== null && exactlyOne?.includes(field.name)) return field.name === one
      return this.#draw.chance(Math.min(0.5, 2 / fields.length))
    })
  }

  #drawn(type: GraphQLInputType, at: Omit<Place, 'type'>): unknown {
    const draw = this.#draw
    if (!isNonNullType(type) && draw.chance(0.06)) return null
    const inner = getNullableType(type)
    if (isListType(inner))
      return Array.from({ length: draw.of([0, 1, 1, 2, 3]) }, () => this.#drawn(inner.ofType, at))
    if (isEnumType(inner)) return draw.of(inner.getValues()).name
    if (isInputObjectType(inner))
      return Object.fromEntries(
        this.#fieldsOf(inner).map((field) => [
          field.name,
          this.#drawn(field.type, { ...at, name: field.name }),
        ]),
      )
    return this.#options.valueFor({ ...at, type: String(inner) }, draw)
  }
}

const isOptional = (text: string) => text.includes('=') || !text.endsWith('!')

function parsed(query: string) {
  try {
    return parse(query)
  } catch (error) {
    throw new Error(`a document was drawn that is none: ${query}`, { cause: error })
  }
}

/** A value as it is written in a document. */
function literalOf(type: GraphQLInputType, value: unknown): string {
  if (value === null || value === undefined) return 'null'
  const inner = getNullableType(type)
  if (isListType(inner) && Array.isArray(value))
    return `[${value.map((item) => literalOf(inner.ofType, item)).join(', ')}]`
  if (isEnumType(inner)) return String(value)
  if (!isInputObjectType(inner)) return JSON.stringify(value)
  const given = Object.entries(value as object).filter(([, one]) => one !== undefined)
  const fields = given.map(
    ([name, one]) =>
      `${name}: ${literalOf((inner.getFields()[name] as { type: GraphQLInputType }).type, one)}`,
  )
  return `{ ${fields.join(', ')} }`
}
