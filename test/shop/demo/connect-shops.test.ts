// The demo shops' provider accounts at each start: made once, moved with the server, and unchanged where a user
// connected another.

import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { connectOwner } from '../../../src/db/owner.ts'
import { EVERYTHING } from '../../../src/db/scope.ts'
import { createTenant } from '../../../src/desk/tenants/tenant-directory.ts'
import { connectDemoShops } from '../../../src/shop/demo/connect-shops.ts'
import { openSecrets, sealSecrets } from '../../../src/shop/payments/provider-record.ts'
import { type Api, startApi } from '../../support/api.ts'

let api: Api
let tenantId: string
/** A real tenant with the slug of a demo shop. */
let namesakeId: string
beforeAll(async () => {
  api = await startApi()
  const owner = await connectOwner(api.database.ownerUrl)
  const acme = {
    slug: 'acme',
    name: 'Acme',
    currency: 'USD',
    owner: { email: 'owner@acme.example', name: 'O' },
  }
  tenantId = await createTenant(owner, acme)
  await owner.query('UPDATE app.tenant_directory SET is_demo = true WHERE id = $1', [tenantId])
  const globex = { slug: 'globex', name: 'Globex', currency: 'EUR', owner: { ...acme.owner } }
  namesakeId = await createTenant(owner, globex)
  await owner.end()
})
afterAll(() => api?.close())

function start(publicUrl = api.url): Promise<void> {
  const services = { ...api.services.payments, publicUrl }
  const logger = createLogger('silent')
  return connectDemoShops({ database: api.opened, services, clock: systemClock, logger, stripe: null })
}

function active() {
  return api.opened.withTenant({ tenantId, writes: EVERYTHING }, (tx) =>
    tx.paymentProvider.findMany({ where: { status: 'ACTIVE' } }),
  )
}

it('are made at the first start, and kept at the next', async () => {
  await start()
  const first = await active()
  expect(first).toMatchObject([{ kind: 'SANDBOX', endpointReference: expect.stringMatching(/^we_/) }])
  await start('http://127.0.0.1:9')
  expect(await active()).toEqual(first)
})

it('cross-tenant: a tenant that only has the name of a demo shop is left alone', async () => {
  await start()
  const accounts = await api.opened.withTenant({ tenantId: namesakeId, writes: EVERYTHING }, (tx) =>
    tx.paymentProvider.count(),
  )
  expect(accounts).toBe(0)
})

it('one whose sandbox or key is lost is created again', async () => {
  const [before] = await active()
  await api.opened.withTenant({ tenantId, writes: EVERYTHING }, (tx) =>
    tx.paymentProvider.updateMany({ where: { status: 'ACTIVE' }, data: { sealingKeyId: 'lost' } }),
  )
  await start()
  const [now] = await active()
  expect(now).toMatchObject({ kind: 'SANDBOX', status: 'ACTIVE' })
  expect(now?.id).not.toBe(before?.id)
})

it('an account that was connected by hand is left alone', async () => {
  const [row] = await active()
  if (row === undefined) throw new Error('no account')
  const { sealer } = api.services.payments
  const secrets = { secretKey: 'sk_test_of_somebody_own', webhookSecret: 'whsec_own' }
  await api.opened.withTenant({ tenantId, writes: EVERYTHING }, (tx) =>
    tx.paymentProvider.updateMany({
      where: { id: row.id },
      data: { kind: 'STRIPE', ...sealSecrets(sealer, row, secrets) },
    }),
  )
  await start()
  const [now] = await active()
  expect(now && openSecrets(sealer, now)).toMatchObject({ kind: 'STRIPE', secretKey: secrets.secretKey })
})
