// What a client sees of an error from any source.
import { GraphQLError } from 'graphql'
import { afterEach, describe, expect, it } from 'vitest'
import { AppError } from '../../src/core/errors.ts'
import { createLogger } from '../../src/core/logger.ts'
import { createErrorMask } from '../../src/edge/mask-errors.ts'
import { type FrontDoor, openFrontDoor, refusalOf } from './front-door.ts'

const FIXED = 'Something went wrong on our side.'
/** Any of these in an answer would reveal internals. */
const SECRETS = /select|public\.|relation|prisma|\/src\/|\.ts:|node_modules|password|ECONN|stack/i

let door: FrontDoor | undefined
afterEach(async () => {
  await door?.close()
  door = undefined
})

function prismaError(message: string, more: object = {}): Error {
  return Object.assign(new Error(message), { name: 'PrismaClientKnownRequestError', code: 'P2010', ...more })
}

const THROWN: readonly (readonly [string, () => unknown])[] = [
  ['an error', () => new Error('relation "public.orders" does not exist at /src/orders/read.ts:12')],
  ['an error of Prisma', () => prismaError('Invalid `prisma.order.findMany()` invocation in /src/a.ts:1:1')],
  ['a broken invariant', () => new AppError('INTERNAL', 'select 1 was refused by prisma')],
  ['text', () => 'select * from public.members'],
  ['nothing', () => undefined],
  ['an object', () => ({ sql: 'select', password: 'x' })],
  [
    'an error with a cause',
    () => new Error('outer', { cause: new Error('select password from public.members') }),
  ],
  ['a GraphQL error without a code', () => new GraphQLError('select password from public.members')],
  ['an overflowing bigint', () => BigInt.asIntN(64, 2n ** 70n) / 0n],
]

describe('case 25: what is thrown in a resolver', () => {
  it.each(THROWN)(
    'case 25: %s becomes fixed text and a request id, and is logged whole',
    async (_name, make) => {
      door = await openFrontDoor({
        production: true,
        resolvers: {
          fails: () => {
            throw make()
          },
        },
      })
      const { body, headers } = await door.ask('{ fails }')
      const requestId = headers.get('x-request-id')
      expect(body.errors).toEqual([
        {
          message: FIXED,
          locations: [{ line: 1, column: 3 }],
          path: ['fails'],
          extensions: { code: 'INTERNAL', requestId },
        },
      ])
      expect(JSON.stringify(body)).not.toMatch(SECRETS)
      const logged = door.log.map((line) => JSON.parse(line)).find(({ level }) => level === 50)
      expect(logged).toMatchObject({ requestId, code: 'INTERNAL' })
    },
  )

  it('case 25: a value that does not fit its type is masked too', async () => {
    door = await openFrontDoor({ resolvers: { count: () => 2n ** 70n } })
    const { body } = await door.ask('{ count }')
    expect(body.errors[0].message).toBe(FIXED)
    expect(body.data).toEqual({ count: null })
  })

  it('case 25: a promise rejected deep in a list is masked in its place', async () => {
    const again = () => Promise.reject(new Error('select'))
    door = await openFrontDoor({ resolvers: { nodes: () => [{ __typename: 'Order', id: 'a', again }] } })
    const { body, status } = await door.ask('{ nodes(ids: ["a"]) { ... on Order { id again { id } } } }')
    expect(status).toBe(200)
    expect(body.errors).toMatchObject([{ message: FIXED, path: ['nodes', 0, 'again'] }])
    expect(body.data).toEqual({ nodes: [{ id: 'a', again: null }] })
  })

  it('a thousand failures of one request are logged a few times', async () => {
    const again = () => {
      throw new Error('each')
    }
    const nodes = Array.from({ length: 50 }, (_, n) => ({ __typename: 'Order', id: `${n}`, again }))
    door = await openFrontDoor({ resolvers: { nodes: () => nodes } })
    const { body } = await door.ask('{ nodes(ids: ["a"]) { ... on Order { again { id } } } }')
    expect(body.errors).toHaveLength(50)
    expect(door.log.filter((line) => JSON.parse(line).level === 50)).toHaveLength(3)
  })
})

describe('faults of the database', () => {
  it.each([
    ['the database is away', Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })],
    ['the pool is exhausted', new Error('timeout exceeded when trying to connect')],
    ['a statement took too long', Object.assign(new Error('canceling statement'), { code: '57014' })],
  ])('%s: 503 with Retry-After', async (_name, error) => {
    door = await openFrontDoor({
      resolvers: {
        orders: () => {
          throw error
        },
      },
    })
    const answer = await door.ask('{ orders { nodes { id } } }')
    expect(refusalOf(answer)).toBe('503 SERVICE_UNAVAILABLE')
    expect(answer.headers.get('retry-after')).toBe('1')
    expect(Object.keys(answer.body.errors[0].extensions).sort()).toEqual([
      'code',
      'requestId',
      'retryAfterSeconds',
    ])
  })

  it('a missing tenant is TENANT_REQUIRED, and logged as an error', async () => {
    door = await openFrontDoor({
      resolvers: {
        fails: () => {
          throw prismaError('raised', { meta: { driverAdapterError: { cause: { originalCode: 'BK001' } } } })
        },
      },
    })
    const { body } = await door.ask('{ fails }')
    expect(body.errors[0].extensions.code).toBe('TENANT_REQUIRED')
    expect(door.log.some((line) => JSON.parse(line).level === 50)).toBe(true)
  })

  it('an answer with some data stays 200 when another part failed', async () => {
    door = await openFrontDoor({
      resolvers: {
        fails: () => {
          throw Object.assign(new Error('no'), { code: 'ECONNREFUSED' })
        },
      },
    })
    const { status, body, headers } = await door.ask('{ hello fails }')
    expect([status, body.errors[0].extensions.code]).toEqual([200, 'SERVICE_UNAVAILABLE'])
    expect(headers.get('retry-after')).toBe('1')
  })
})

describe('the client’s errors are reported', () => {
  it.each([
    ['a syntax error', '{ hello'],
    ['an unknown field', '{ nothing }'],
    ['a missing argument', '{ order { id } }'],
    ['an unknown operation', 'query A { hello } query B { hello }'],
    ['an empty document', '# nothing'],
  ])('%s is BAD_USER_INPUT with a message of its own', async (_name, query) => {
    door = await openFrontDoor()
    const answer = await door.ask(query)
    expect(refusalOf(answer)).toBe('400 BAD_USER_INPUT')
    expect(answer.body.errors[0].message).not.toBe(FIXED)
  })

  it.each([
    ['of another type', 'query Q($id: ID!) { order(id: $id) { id } }', { id: {} }],
    ['that is missing', 'query Q($id: ID!) { order(id: $id) { id } }', {}],
    ['of no field', 'query Q($n: Int!) { count(limit: $n) }', { n: 2 ** 40 }],
  ])('a variable %s is BAD_USER_INPUT', async (_name, query, variables) => {
    door = await openFrontDoor()
    expect(refusalOf(await door.ask(query, variables))).toBe('400 BAD_USER_INPUT')
  })

  it('a variable that is null where its argument must not be is BAD_USER_INPUT', async () => {
    door = await openFrontDoor()
    const { body } = await door.ask('query Q($n: Int = 1) { count(limit: $n) }', { n: null })
    expect(body.errors[0].extensions.code).toBe('BAD_USER_INPUT')
  })

  it('more wrong variables than GraphQL lists are BAD_USER_INPUT, and not logged as ours', async () => {
    door = await openFrontDoor()
    const answer = await door.ask('query Q($ids: [ID!]!) { nodes(ids: $ids) { id } }', {
      ids: Array(60).fill({}),
    })
    expect(refusalOf(answer)).toBe('400 BAD_USER_INPUT')
    expect(
      new Set(answer.body.errors.map(({ extensions }: { extensions: { code: string } }) => extensions.code)),
    ).toEqual(new Set(['BAD_USER_INPUT']))
    expect(door.log.filter((line) => line.includes('a request failed'))).toEqual([])
  })

  it('all validation errors are reported at once, up to a bound', async () => {
    door = await openFrontDoor()
    expect((await door.ask('{ one two three }')).body.errors).toHaveLength(3)
    const query = `{ order(id: 1) { ${Array.from({ length: 200 }, (_, n) => `no${n}`).join(' ')} } }`
    expect((await door.ask(query)).body.errors.length).toBeLessThan(25)
  })

  it('an expected failure keeps its code, its message and its plain details', async () => {
    door = await openFrontDoor({
      resolvers: {
        fails: () => {
          throw new AppError('NOT_FOUND', 'no such order', {
            number: 7,
            code: 'X',
            nested: { sql: 'select' },
          })
        },
      },
    })
    const { body, headers } = await door.ask('{ fails }')
    expect(body.errors[0]).toMatchObject({
      message: 'no such order',
      extensions: { code: 'NOT_FOUND', number: 7, requestId: headers.get('x-request-id') },
    })
    expect(body.errors[0].extensions).not.toHaveProperty('nested')
  })
})

describe('case 25: in production', () => {
  it('case 25: there is no introspection', async () => {
    door = await openFrontDoor({ production: true })
    for (const query of ['{ __schema { types { name } } }', '{ __type(name: "Order") { name } }']) {
      expect(refusalOf(await door.ask(query))).toBe('400 BAD_USER_INPUT')
    }
    expect((await door.ask('{ __typename }')).body.data).toEqual({ __typename: 'Query' })
  })

  it('case 25: a misspelt name gets no suggestion; in development it does', async () => {
    door = await openFrontDoor({ production: true })
    const messages = async (of: FrontDoor) =>
      JSON.stringify((await of.ask('{ helo order(idd: 1) { ida } ... on Ordr { id } }')).body.errors)
    expect(await messages(door)).not.toContain('Did you mean')
    await door.close()
    door = await openFrontDoor()
    expect(await messages(door)).toContain('Did you mean')
  })

  it('case 25: there is no GraphiQL', async () => {
    door = await openFrontDoor({ production: true })
    for (const path of ['/graphiql', '/graphiql/graphiql.js'])
      expect((await door.send(path)).status).toBe(404)
  })
})

describe('outside of any operation', () => {
  it('a failure of the door itself is masked', async () => {
    door = await openFrontDoor({
      authenticator: {
        authenticate: () => {
          throw new Error('select password from public.members')
        },
        tenantsOf: () => {
          throw new Error('nobody asks')
        },
      },
    })
    const answer = await door.ask('{ hello }')
    expect(refusalOf(answer)).toBe('500 INTERNAL')
    expect(answer.body.errors[0].message).toBe(FIXED)
  })

  it('a failure within Apollo’s pipeline is masked and logged', async () => {
    const clock = () => {
      throw new Error('select password from public.members')
    }
    door = await openFrontDoor({ clock })
    const answer = await door.ask('{ hello }')
    expect(refusalOf(answer)).toBe('500 INTERNAL')
    expect(JSON.stringify(answer.body)).not.toMatch(SECRETS)
    expect(door.log.join('')).toContain('select password')
  })

  it('an endless message is cut', () => {
    const mask = createErrorMask({ hideSuggestions: false, logger: createLogger('silent') })
    const [error] = mask([new AppError('BAD_USER_INPUT', 'x'.repeat(100_000))], 'request-1')
    expect(error?.message).toHaveLength(1_000)
  })

  it('no token, header or variable is ever logged', async () => {
    door = await openFrontDoor({
      resolvers: {
        fails: () => {
          throw new Error('boom')
        },
      },
    })
    await door.ask('query Q($name: String) { hello(name: $name) fails }', { name: 'a-very-secret-name' })
    expect(door.log.join('')).not.toMatch(/a-very-secret-name|eyJ|authorization/i)
  })
})
