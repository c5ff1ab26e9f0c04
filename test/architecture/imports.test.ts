// Checks the map of docs/ARCHITECTURE.md: the directions of imports, and words that belong to one place.
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { breaches, type Sources } from './import-rules.ts'

const SRC = fileURLToPath(new URL('../../src', import.meta.url))

function ourSources(): Sources {
  const paths = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))
  return new Map(paths.map((path) => [path.replaceAll('\\', '/'), readFileSync(join(SRC, path), 'utf8')]))
}

const breachesOf = (sources: Record<string, string>) => breaches(new Map(Object.entries(sources)))

describe('the sources', () => {
  it('keep to the direction of imports, and words to their place', () => {
    const sources = ourSources()
    expect(sources.size).toBeGreaterThan(50)
    expect(breaches(sources)).toEqual([])
  })
})

describe('the rules', () => {
  it.each([
    ['core imports nothing of ours', 'core/money.ts', `import { a } from '../db/database.ts'`],
    ['core imports no type of ours either', 'core/money.ts', `import type { A } from '../db/database.ts'`],
    [
      'a use case knows no GraphQL',
      'shop/orders/place-order.ts',
      `import { a } from '../../graphql/builder.ts'`,
    ],
    [
      'a use case knows no HTTP',
      'shop/orders/place-order.ts',
      `import { a } from '../../edge/http-server.ts'`,
    ],
    [
      'the schema is assembled at the top',
      'graphql/node.ts',
      `import { a } from '../shop/orders/graphql.ts'`,
    ],
    ['nobody but the top reads the configuration', 'edge/a.ts', `import { a } from '../config.ts'`],
    ['a lazy import is an import', 'db/a.ts', `const a = await import('../cli/run.ts')`],
    ['an import over several lines is one', 'db/a.ts', `import {\n  a,\n  b,\n} from '../edge/b.ts'`],
    ['passing on is importing', 'db/a.ts', `export { a } from '../edge/b.ts'`],
    ['the catalogue knows no orders', 'shop/catalogue/a.ts', `import { a } from '../orders/order.ts'`],
    ['the desk knows no shop', 'desk/members/a.ts', `import { a } from '../../shop/orders/order.ts'`],
    ['nor does the server', 'edge/a.ts', `import { a } from '../shop/payments/webhook/webhook-route.ts'`],
    ['what is of development is gone with its folder', 'api.ts', `import { a } from './development/key.ts'`],
    ['the ledger knows no domain', 'shop/ledger/post.ts', `import { a } from '../payments/payment.ts'`],
    ['a new folder finds its layer first', 'shipping/a.ts', `import { a } from '../core/money.ts'`],
    ['pg is the database folder’s', 'edge/a.ts', `import pg from 'pg'`],
    ['so is Prisma’s runtime', 'desk/keys/a.ts', `import { Prisma } from '@prisma/client'`],
    [
      'so is the generated client',
      'desk/keys/a.ts',
      `import { Prisma } from '../../generated/prisma/client.ts'`,
    ],
    ['the environment is config.ts’s', 'edge/a.ts', `const port = process.env.PORT`],
    ['production is compared in one place', 'api.ts', `if (environment !== 'production') seed()`],
    ['no SQL is made of strings', 'db/a.ts', 'await db.$queryRawUnsafe(text)'],
    ['nor by way of Prisma.raw', 'desk/keys/a.ts', 'Prisma.raw(a)'],
    [
      'only the database folder enters a tenant',
      'desk/keys/a.ts',
      `sql("SELECT set_config('app.tenant_id', '')")`,
    ],
    ['not by SET either', 'desk/keys/a.ts', `sql("SET LOCAL app.tenant_id = 'x'")`],
  ])('%s', (_rule, path, text) => {
    const others = {
      'core/money.ts': '',
      'db/database.ts': '',
      'edge/http-server.ts': '',
      'graphql/builder.ts': '',
    }
    expect(breachesOf({ ...others, [path]: text })).toHaveLength(1)
  })

  it.each([
    [
      'types of the client may be named',
      'desk/keys/a.ts',
      `import type { Order } from '../../generated/prisma/client.ts'`,
    ],
    ['orders know the catalogue', 'shop/orders/a.ts', `import { a } from '../catalogue/product.ts'`],
    [
      'a domain of the shop knows the desk',
      'shop/orders/a.ts',
      `import { a } from '../../desk/members/member.ts'`,
    ],
    [
      'what a comment says is no import',
      'core/a.ts',
      `// import { a } from '../edge/b.ts'\n/* process.env */`,
    ],
    ['an address in a string is no comment', 'edge/a.ts', `const a = 'https://id.example'`],
  ])('%s', (_rule, path, text) => {
    expect(breachesOf({ [path]: text })).toEqual([])
  })

  it('find a circle, but not one of types alone', () => {
    const circle = (word: string) => ({
      'db/a.ts': `import { b } from './b.ts'`,
      'db/b.ts': `import { c } from './c.ts'`,
      'db/c.ts': `import ${word}{ A } from './a.ts'`,
    })
    expect(breachesOf(circle(''))).toEqual(['a circle of imports: db/a.ts → db/b.ts → db/c.ts → db/a.ts'])
    expect(breachesOf(circle('type '))).toEqual([])
  })
})
