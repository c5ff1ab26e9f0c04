// The sandbox's controls, under /_sandbox: what a user does in Stripe's dashboard, and faults of the network.
import { z } from 'zod'
import { type Account, load, settingsSchema } from './account.ts'
import type { Deliveries } from './deliveries.ts'
import { DISPUTE_REASONS, decideDispute, openDispute } from './disputes.ts'
import { deliver, emit, shuffleWaiting } from './events.ts'
import { invalid } from './problem.ts'

const resendSchema = z.object({ copies: z.int().min(1).max(1_000).default(1) })
const emitSchema = z.object({
  type: z.string().min(1),
  object: z.record(z.string(), z.unknown()).default({}),
})
const disputeSchema = z.strictObject({
  payment_intent: z.string(),
  amount: z.int().min(1).optional(),
  reason: z.enum(DISPUTE_REASONS).default('fraudulent'),
  inquiry: z.boolean().default(false),
})
/** `needs_response` escalates an inquiry. */
const decisionSchema = z.strictObject({
  status: z.enum(['needs_response', 'under_review', 'won', 'lost', 'warning_closed']),
})

/** Answers a control call; null for an unknown one. */
export async function control(
  account: Account,
  path: string,
  body: unknown,
  deliveries: Deliveries,
): Promise<object | null> {
  if (path === 'settings') {
    const changes = read(z.record(z.string(), z.unknown()), body)
    const settings = read(settingsSchema, { ...account.settings, ...changes })
    account.store.atomically(() => {
      account.store.saveSettings(account.id, settings)
      if (settings.webhooks === 'shuffle') shuffleWaiting({ ...account, settings })
    })
    return settings
  }
  if (path === 'emit') {
    const { type, object } = read(emitSchema, body)
    return account.store.atomically(() => emit(account, type, object))
  }
  if (path === 'flush') {
    await deliveries.flush(account.id)
    return { deliveries: account.store.deliveriesOf(account.id) }
  }
  if (path === 'deliveries') return { deliveries: account.store.deliveriesOf(account.id) }
  if (path === 'disputes') return dispute(account, read(disputeSchema, body))
  const disputeId = /^disputes\/(\w+)$/.exec(path)?.[1]
  if (disputeId !== undefined) {
    const { status } = read(decisionSchema, body)
    return account.store.atomically(() => decideDispute(account, disputeId, status))
  }
  const eventId = /^events\/(\w+)\/resend$/.exec(path)?.[1]
  return eventId === undefined ? null : resend(account, eventId, read(resendSchema, body).copies)
}

function dispute(
  account: Account,
  { payment_intent: intentId, ...more }: z.output<typeof disputeSchema>,
): object {
  return account.store.atomically(() => {
    const { latest_charge: charge } = load(account, 'payment_intent', intentId, 'payment_intent')
    if (typeof charge !== 'string') {
      throw invalid('This PaymentIntent has no charge to dispute.', 'payment_intent')
    }
    return openDispute(account, load(account, 'charge', charge), more)
  })
}

function resend(account: Account, eventId: string, copies: number): object {
  const event = load(account, 'event', eventId)
  account.store.atomically(() => {
    for (const endpoint of account.store.list(account.id, 'webhook_endpoint')) {
      deliver(account, event.id, endpoint.id, copies)
    }
  })
  return { copies }
}

function read<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body ?? {})
  if (!parsed.success) throw invalid(z.prettifyError(parsed.error))
  return parsed.data
}
