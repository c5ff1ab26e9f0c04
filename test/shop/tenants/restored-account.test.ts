// What a restored tenant can do with payments that were taken through an account whose keys did not come along.
import { afterAll, beforeAll, expect, it } from 'vitest'
import { systemContext } from '../../../src/auth/system-context.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { newId } from '../../../src/core/ids.ts'
import { NO_KEY_ID } from '../../../src/core/seal.ts'
import type { Transaction } from '../../../src/db/database.ts'
import { providerRecords } from '../../../src/shop/integrity/provider-records.ts'
import { resealSecrets } from '../../../src/shop/payments/provider-account/reseal.ts'
import { openSecrets, sealSecrets } from '../../../src/shop/payments/provider-record.ts'
import { silent } from '../../desk/tenants/installation.ts'
import { type Api, startApi } from '../../support/api.ts'
import { recordMaker } from '../../support/recipes.ts'

let api: Api
let paymentId: string | undefined
beforeAll(async () => {
  api = await startApi()
  paymentId = await recordMaker(api.schema, 'Payment')?.(api, 'A')
})
afterAll(() => api?.close())

const REFUND = `mutation ($id: ID!, $key: String!) { refundCreate(input: { idempotencyKey: $key, paymentId: $id }) {
  refund { status } userErrors { code } } }`
const refund = async (key: string) => (await api.as('A').data(REFUND, { id: paymentId, key })).refundCreate

it('a payment can be refunded once its account is connected again, and not before', async () => {
  const { sealer } = api.services.payments
  const tenant = await api.opened.resolveTenant({ id: api.tenantIds.A })
  if (tenant === null) throw new Error('the tenant is gone')
  const caller = systemContext({
    tenant,
    database: api.opened,
    clock: systemClock,
    logger: silent,
    requestId: 'r',
  })
  const inTenant = <T>(work: (tx: Transaction) => Promise<T>) => api.opened.withTenant(caller.scope, work)
  const record = await inTenant(async (tx) => {
    const kept = await tx.paymentProvider.findFirstOrThrow()
    const nothing = { secretKey: new Uint8Array(), webhookSecret: new Uint8Array(), sealingKeyId: NO_KEY_ID }
    await tx.paymentProvider.updateMany({
      data: { ...nothing, status: 'REPLACED', replacedAt: systemClock(), eventsUntil: systemClock() },
    })
    return kept
  })
  expect(await refund('first')).toEqual({ refund: null, userErrors: [{ code: 'PROVIDER_NOT_CONNECTED' }] })
  expect(await resealSecrets(caller, api.services.payments)).toBe(0)
  expect(await providerRecords(caller, api.services.payments).run()).toEqual({ count: 0, violations: [] })

  await inTenant(async (tx) => {
    const { tenantId, accountReference, accountName, kind, liveMode } = record
    const id = newId()
    const secrets = sealSecrets(sealer, { tenantId, id }, openSecrets(sealer, record))
    await tx.paymentProvider.create({
      data: { id, kind, accountReference, accountName, liveMode, ...secrets },
    })
  })
  expect(await refund('second')).toEqual({ refund: { status: 'SUCCEEDED' }, userErrors: [] })
  expect(await providerRecords(caller, api.services.payments).run()).toEqual({ count: 0, violations: [] })
})
