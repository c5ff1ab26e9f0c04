// Reads money from all sides (the provider's books, the ledger, the checks), and runs its jobs on demand.
import Stripe from 'stripe'
import { expect } from 'vitest'
import type { JsonObject } from '../../../src/commands/outcome.ts'
import type { Clock } from '../../../src/core/clock.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { verifyTenant } from '../../../src/integrity/verify.ts'
import { releaseHoldsTask } from '../../../src/shop/orders/release-holds.ts'
import type { BookedCharge, ProviderAccount } from '../../../src/shop/payments/provider.ts'
import { endTask } from '../../../src/shop/payments/provider-account/end-provider.ts'
import { endpointName } from '../../../src/shop/payments/provider-account/endpoint.ts'
import { activeProvider, openProvider, openSecrets } from '../../../src/shop/payments/provider-record.ts'
import { paymentTasks } from '../../../src/shop/payments/reconcile.ts'
import { eventTask } from '../../../src/shop/payments/webhook/receive-event.ts'
import type { Api, Data, TenantKey } from '../../support/api.ts'
import { asSuperuser } from '../../support/database.ts'
import { rowChecks } from '../../support/integrity.ts'
import { systemOf } from '../../support/system.ts'
import { sandboxUrl } from './sandbox-url.ts'

/** Runs one job's work now, independent of the queue. */
export async function runJob(
  api: Api,
  tenant: TenantKey,
  name: string,
  payload: JsonObject,
  clock: Clock = systemClock,
): Promise<void> {
  const { payments } = api.services
  const tasks = [...paymentTasks(payments), eventTask(payments), endTask(payments), releaseHoldsTask]
  const task = tasks.find((candidate) => candidate.name === name)
  if (task === undefined) throw new Error(`there is no task ${name}`)
  await task.run(await systemOf(api, tenant, clock), payload)
}

/** The tenant's account with the sandbox, as the server opens it. */
export async function accountOf(api: Api, tenant: TenantKey): Promise<ProviderAccount> {
  const { scope } = await systemOf(api, tenant)
  return await api.opened.withTenant(scope, async (tx) => {
    const active = await activeProvider(tx)
    const account = active === null ? null : await openProvider(tx, api.services.payments, active.id)
    if (account === null) throw new Error('no account is connected')
    return account
  })
}

/** The secrets of the tenant's account, which only the server and the sandbox know. */
export async function secretsOf(
  api: Api,
  tenant: TenantKey,
): Promise<{ id: string; secretKey: string; webhookSecret: string }> {
  const { scope } = await systemOf(api, tenant)
  return await api.opened.withTenant(scope, async (tx) => {
    const row = await tx.paymentProvider.findFirstOrThrow({ where: { status: 'ACTIVE' } })
    return { id: row.id, ...openSecrets(api.services.payments.sealer, row) }
  })
}

/** All charges in the sandbox's books. */
export async function bookedCharges(api: Api, tenant: TenantKey): Promise<BookedCharge[]> {
  const account = await accountOf(api, tenant)
  const charges: BookedCharge[] = []
  for await (const charge of account.bookedCharges(new Date(0))) charges.push(charge)
  return charges
}

/** Tells the tenant's sandbox account how to behave, or what to do. */
export async function controlSandbox(
  api: Api,
  tenant: TenantKey,
  path: string,
  body: object = {},
): Promise<Data> {
  const { secretKey } = await secretsOf(api, tenant)
  const response = await fetch(`${sandboxUrl()}/_sandbox/${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${secretKey}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  })
  if (!response.ok) throw new Error(await response.text())
  return (await response.json()) as Data
}

let sent = 0

export type SentEvent = { id?: string; type: string; object: object; at?: Date; secret?: string }

/** An event as the provider would send it, signed with the account's secret unless told. */
export async function signedEvent(
  api: Api,
  tenant: TenantKey,
  { id, type, object, at = new Date(), secret }: SentEvent,
): Promise<{ url: string; body: string; signature: string }> {
  sent += 1
  const account = await secretsOf(api, tenant)
  const created = Math.floor(at.getTime() / 1_000)
  const body = JSON.stringify({
    id: id ?? `evt_test_${sent}`,
    object: 'event',
    created,
    type,
    data: { object },
  })
  const signature = Stripe.webhooks.generateTestHeaderString({
    payload: body,
    secret: secret ?? account.webhookSecret,
    timestamp: created,
  })
  const { tenantSlug } = await systemOf(api, tenant)
  return { url: `${api.url}/webhooks/in/${endpointName(tenantSlug, account.id)}`, body, signature }
}

/** Sends it; answers status and body. */
export async function post(event: {
  url: string
  body: string
  signature: string
}): Promise<{ status: number; answer: Data }> {
  const response = await fetch(event.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json; charset=utf-8', 'stripe-signature': event.signature },
    body: event.body,
  })
  return { status: response.status, answer: (await response.json()) as Data }
}

/** Signs an event as the tenant's provider, and sends it. */
export async function sendEvent(
  api: Api,
  tenant: TenantKey,
  event: SentEvent,
): Promise<{ status: number; answer: Data }> {
  return await post(await signedEvent(api, tenant, event))
}

/** Debits less credits of each account with postings, by code. */
export async function ledgerOf(api: Api, tenant: TenantKey): Promise<Record<string, bigint>> {
  return await asSuperuser(api.database, async (client) => {
    const { rows } = await client.query<{ code: string; sum: string }>(
      `SELECT a.code, sum(p.amount_minor) AS sum FROM postings p
       JOIN ledger_accounts a ON a.tenant_id = p.tenant_id AND a.id = p.account_id
       WHERE p.tenant_id = $1 GROUP BY a.code`,
      [api.tenantIds[tenant]],
    )
    return Object.fromEntries(rows.map(({ code, sum }) => [code, BigInt(sum)]))
  })
}

/** Runs the checks of `bulkhead verify`: no violations. */
export async function expectBooksInOrder(api: Api, tenant: TenantKey): Promise<void> {
  const { database, scope, clock, tenantSlug } = await systemOf(api, tenant)
  const report = await verifyTenant({ database, scope, clock, tenantSlug }, rowChecks())
  expect(report.checks.filter(({ ok }) => !ok)).toEqual([])
}
