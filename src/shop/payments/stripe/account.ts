// One merchant's account at Stripe, or at the sandbox, which speaks the same API: the calls, each with its idempotency
// key. verdicts.ts interprets the answers.
import Stripe from 'stripe'
import { AppError } from '../../../core/errors.ts'
import type {
  BookedCharge,
  Charge,
  ChargeVerdict,
  ProviderAccount,
  ProviderRefund,
  RefundVerdict,
} from '../provider.ts'
import { toStripeAmount } from './amount.ts'
import { intentSchema, PAYMENT_KEY, REFUND_KEY, refundSchema, TENANT_KEY } from './objects.ts'
import { stripeReason } from './refund-reason.ts'
import {
  bookedChargeOf,
  chargeNoticeOf,
  chargeVerdictOf,
  failureOfError,
  reasonOf,
  referenceIn,
  refundNoticeOf,
  refundVerdictOf,
} from './verdicts.ts'

const PAGE_SIZE = 100
/** The bound of one list. Whether anything lies beyond it is unknown; it is not taken for missing. */
const LISTED_MAX = 100_000
const WITH_FEE = ['latest_charge.balance_transaction']
const INEXPRESSIBLE = {
  code: 'PROVIDER_REFUSED',
  message: 'the provider cannot move exactly this sum',
} as const

export function stripeAccount(
  stripe: Stripe,
  { listedMax = LISTED_MAX }: { readonly listedMax?: number } = {},
): ProviderAccount {
  async function charge(asked: Charge): Promise<ChargeVerdict> {
    const { tenantId, paymentId, amountMinor, currency, method, returnUrl, description } = asked
    const amount = toStripeAmount(amountMinor, currency)
    if (amount === null) return { status: 'FAILED', reference: null, failure: INEXPRESSIBLE }
    return await chargeVerdict(asked, () =>
      stripe.paymentIntents.create(
        {
          amount,
          currency: currency.toLowerCase(),
          payment_method: method,
          confirm: true,
          description,
          metadata: { [TENANT_KEY]: tenantId, [PAYMENT_KEY]: paymentId },
          ...(returnUrl === null
            ? { automatic_payment_methods: { enabled: true, allow_redirects: 'never' as const } }
            : { automatic_payment_methods: { enabled: true }, return_url: returnUrl }),
          expand: WITH_FEE,
        },
        { idempotencyKey: `bulkhead-payment-${paymentId}` },
      ),
    )
  }

  async function refund(asked: ProviderRefund, currency: string): Promise<RefundVerdict> {
    const { tenantId, refundId, paymentId, chargeReference, amountMinor } = asked
    const reason = stripeReason(asked.reason)
    const amount = toStripeAmount(amountMinor, currency)
    if (amount === null) return { status: 'FAILED', reference: null, failure: INEXPRESSIBLE }
    return await refundVerdict(asked, () =>
      stripe.refunds.create(
        {
          payment_intent: chargeReference,
          amount,
          ...(reason !== null && { reason }),
          metadata: { [TENANT_KEY]: tenantId, [REFUND_KEY]: refundId, [PAYMENT_KEY]: paymentId },
        },
        { idempotencyKey: `bulkhead-refund-${refundId}` },
      ),
    )
  }

  return {
    charge,
    refund: (asked) => refund(asked, asked.currency),

    async findCharge({ reference, createdAfter, ...asked }) {
      try {
        if (reference !== null) {
          return fittingCharge(asked, await stripe.paymentIntents.retrieve(reference, { expand: WITH_FEE }))
        }
        // The list is consistent; the search lags by up to a minute.
        const created = { gte: Math.floor(createdAfter.getTime() / 1_000) }
        const expand = WITH_FEE.map((path) => `data.${path}`)
        const listed = stripe.paymentIntents.list({ created, limit: PAGE_SIZE, expand })
        for await (const intent of upTo(listedMax, listed)) {
          if (intent.metadata?.[PAYMENT_KEY] === asked.paymentId) return fittingCharge(asked, intent)
        }
        return null
      } catch (error) {
        return isMissing(error) ? null : { status: 'UNKNOWN', reason: reasonOf(error) }
      }
    },

    async cancelCharge(reference) {
      try {
        return chargeVerdictOf(intentSchema.parse(await stripe.paymentIntents.cancel(reference)))
      } catch (error) {
        if (!(error instanceof Stripe.errors.StripeInvalidRequestError)) {
          return { status: 'UNKNOWN', reason: reasonOf(error) }
        }
        // Its state changed meanwhile: return that.
        return await chargeVerdict(null, () =>
          stripe.paymentIntents.retrieve(reference, { expand: WITH_FEE }),
        )
      }
    },

    async findRefund({ reference, ...asked }) {
      try {
        if (reference !== null) return fittingRefund(asked, await stripe.refunds.retrieve(reference))
        const listed = stripe.refunds.list({ payment_intent: asked.chargeReference, limit: PAGE_SIZE })
        for await (const found of upTo(listedMax, listed)) {
          if (found.metadata?.[REFUND_KEY] === asked.refundId) return fittingRefund(asked, found)
        }
        return null
      } catch (error) {
        return isMissing(error) ? null : { status: 'UNKNOWN', reason: reasonOf(error) }
      }
    },

    async feeOf(chargeReference) {
      const verdict = await chargeVerdict(null, () =>
        stripe.paymentIntents.retrieve(chargeReference, { expand: WITH_FEE }),
      )
      if (verdict.status === 'UNKNOWN') throw unavailable(verdict.reason)
      return verdict.status === 'SUCCEEDED' ? verdict.feeMinor : null
    },

    bookedCharges: (since) => bookedCharges(stripe, since, listedMax),
  }
}

async function* bookedCharges(stripe: Stripe, since: Date, listedMax: number): AsyncIterable<BookedCharge> {
  try {
    const created = { gte: Math.floor(since.getTime() / 1_000) }
    const listed = stripe.paymentIntents.list({ created, limit: PAGE_SIZE, expand: ['data.latest_charge'] })
    for await (const intent of upTo(listedMax, listed)) yield bookedChargeOf(intentSchema.parse(intent))
  } catch (error) {
    throw unavailable(reasonOf(error))
  }
}

/** Throws SERVICE_UNAVAILABLE when there are more: half a list proves nothing. */
async function* upTo<T>(max: number, list: AsyncIterable<T>): AsyncIterable<T> {
  let count = 0
  for await (const item of list) {
    count += 1
    if (count > max) throw unavailable(`its list is longer than ${max}`)
    yield item
  }
}

type AskedCharge = Pick<Charge, 'paymentId' | 'amountMinor' | 'currency'>

/** `asked` null: only the charge's reference is known. */
async function chargeVerdict(
  asked: AskedCharge | null,
  call: () => Promise<Stripe.PaymentIntent>,
): Promise<ChargeVerdict> {
  try {
    return fittingCharge(asked, await call())
  } catch (error) {
    const failure = failureOfError(error)
    if (failure === null) return { status: 'UNKNOWN', reason: reasonOf(error) }
    return { status: 'FAILED', reference: referenceIn(error), failure }
  }
}

/** The verdict of the answer, if the answer is about the charge that was asked for. Any other charge proves nothing. */
function fittingCharge(asked: AskedCharge | null, answer: unknown): ChargeVerdict {
  const intent = intentSchema.parse(answer)
  const { paymentId, amountMinor, currency } = chargeNoticeOf(intent)
  const fits =
    asked === null ||
    (paymentId === asked.paymentId && amountMinor === asked.amountMinor && currency === asked.currency)
  return fits ? chargeVerdictOf(intent) : NOT_AS_ASKED
}

async function refundVerdict(
  asked: ProviderRefund,
  call: () => Promise<Stripe.Refund>,
): Promise<RefundVerdict> {
  try {
    return fittingRefund(asked, await call())
  } catch (error) {
    const failure = failureOfError(error)
    if (failure === null) return { status: 'UNKNOWN', reason: reasonOf(error) }
    return { status: 'FAILED', reference: null, failure: { ...failure, code: 'REFUND_FAILED' } }
  }
}

function fittingRefund(asked: ProviderRefund, answer: unknown): RefundVerdict {
  const refund = refundSchema.parse(answer)
  const { amountMinor, currency, chargeReference } = refundNoticeOf(refund)
  const fits =
    amountMinor === asked.amountMinor &&
    currency === asked.currency &&
    (chargeReference === null || chargeReference === asked.chargeReference)
  return fits ? refundVerdictOf(refund) : NOT_AS_ASKED
}

const NOT_AS_ASKED = { status: 'UNKNOWN', reason: 'the provider answered about another object' } as const

function isMissing(error: unknown): boolean {
  return error instanceof Stripe.errors.StripeInvalidRequestError && error.statusCode === 404
}

function unavailable(reason: string): AppError {
  return new AppError('SERVICE_UNAVAILABLE', `the payment provider cannot be asked: ${reason}`)
}
