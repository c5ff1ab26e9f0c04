// Placing an order when its request to the database, or the answer, is lost.
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { CommandContext } from '../../../src/auth/command-context.ts'
import { permissionsOf } from '../../../src/auth/permissions.ts'
import { newId } from '../../../src/core/ids.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { type Database, openDatabase } from '../../../src/db/database.ts'
import { EVERYTHING } from '../../../src/db/scope.ts'
import { placeOrder } from '../../../src/shop/orders/place-order.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../../support/database.ts'
import { fixtureId, TENANT_A } from '../../support/two-tenants.ts'
import { startWireProxy, type WireProxy } from '../../support/wire-proxy.ts'

const logger = createLogger('silent')

let testDatabase: TestDatabase
let proxy: WireProxy
let database: Database
beforeAll(async () => {
  testDatabase = await createTestDatabase({ seed: 'two-tenants' })
  proxy = await startWireProxy(testDatabase.runtimeUrl)
  // Without named statements the proxy sees every statement's text, by which it chooses where to break the connection.
  database = openDatabase({ url: proxy.url, poolMax: 8, namedStatements: false, logger })
})
afterAll(async () => {
  await database?.close()
  await proxy?.close()
  await testDatabase?.drop()
})

const caller = (): CommandContext => ({
  scope: { tenantId: TENANT_A.id, writes: EVERYTHING },
  tenantSlug: TENANT_A.slug,
  actor: {
    kind: 'MEMBER',
    id: fixtureId(TENANT_A, 'members', 1),
    role: 'OWNER',
    email: 'somebody@example.com',
  },
  permissions: permissionsOf('OWNER'),
  requestId: newId(),
  database,
  clock: () => new Date(),
  logger,
})

it.each(['unanswered', 'lost'] as const)(
  'which is one statement, %s: the same call places it once',
  async (how) => {
    const order = {
      idempotencyKey: newId(),
      customerId: fixtureId(TENANT_A, 'customers', 1),
      lines: [{ variantId: fixtureId(TENANT_A, 'variants', 1), quantity: 1 }],
    }
    await asSuperuser(testDatabase, async (client) => {
      await client.query(`UPDATE products SET status = 'ACTIVE' WHERE tenant_id = $1`, [TENANT_A.id])
      await client.query('UPDATE stock_levels SET on_hand = reserved + 10 WHERE tenant_id = $1', [
        TENANT_A.id,
      ])
      await client.query(
        `INSERT INTO tenant_counters (tenant_id, name, value) VALUES ($1, 'order', 1000)
         ON CONFLICT (tenant_id, name) DO UPDATE SET value = 1000 + tenant_counters.value`,
        [TENANT_A.id],
      )
    })
    const orders = () => database.withTenant({ tenantId: TENANT_A.id }, (tx) => tx.order.count())
    const before = await orders()
    let isBroken = false
    proxy.breakAt = ({ text }) => {
      if (isBroken || !text.includes('undo_command')) return null
      isBroken = true
      return how
    }
    const first = await placeOrder(caller(), order).catch((error: { code: string }) => error.code)
    if (how === 'lost') expect(first).toBe('SERVICE_UNAVAILABLE')
    else expect(first).toMatchObject({ userErrors: [], replayed: false })
    expect((await placeOrder(caller(), order)).userErrors).toEqual([])
    expect(await orders()).toBe(before + 1)
    expect(isBroken).toBe(true)
  },
)
