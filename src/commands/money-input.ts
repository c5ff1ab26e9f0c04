// An amount of money in a mutation's input: in major units (`amount`) or in minor units (`amountMinor`). After validation it
// has one form, minor units.
import { z } from 'zod'
import { isCurrency, type Money, minorDigitsOf, toDecimal, toMinor } from '../core/money.ts'

/** An amount, and the field in which it was given, for the paths of user errors. */
export type GivenMoney = Money & { readonly given: 'amount' | 'amountMinor' }

const INT64_MAX = 2n ** 63n - 1n

type Problem = { readonly path: string[]; readonly message: string; readonly params: object }

/** The rule of an amount from `min` to `max` minor units. An amount with too many decimal places is refused, never rounded. */
export const moneyInput = ({ min, max = INT64_MAX }: { readonly min: bigint; readonly max?: bigint }) =>
  z
    .object({
      amount: z.string().nullish(),
      amountMinor: z.bigint().nullish(),
      currency: z.string().refine(isCurrency, {
        error: 'is not an ISO 4217 currency',
        params: { code: 'UNKNOWN_VALUE' },
        abort: true,
      }),
    })
    .transform((input, context): GivenMoney => {
      const money = givenIn(input)
      const problem = 'message' in money ? money : problemOf(money, min, max)
      if (problem === null) return money as GivenMoney
      context.addIssue({ code: 'custom', input, ...problem })
      return z.NEVER
    })

function givenIn(input: {
  readonly amount?: string | null | undefined
  readonly amountMinor?: bigint | null | undefined
  readonly currency: string
}): GivenMoney | Problem {
  const { currency } = input
  const amount = input.amount ?? null
  const amountMinor = input.amountMinor ?? null
  if (amount === null && amountMinor === null)
    return { path: [], message: 'give amount or amountMinor', params: { code: 'REQUIRED' } }
  if (amount !== null && amountMinor !== null)
    return {
      path: [],
      message: 'give amount or amountMinor, not both',
      params: { code: 'FORMAT', expected: 'amount or amountMinor' },
    }
  if (amountMinor !== null) return { amountMinor, currency, given: 'amountMinor' }
  const minor = toMinor(amount ?? '', currency)
  if (minor !== null) return { amountMinor: minor, currency, given: 'amount' }
  const digits = minorDigitsOf(currency)
  const expected = digits === 0 ? 'no decimal places' : `at most ${digits} decimal places`
  return {
    path: ['amount'],
    message: `an amount in ${currency} has ${expected}`,
    params: { code: 'FORMAT', expected, minorDigits: digits },
  }
}

/** The bounds are shown in the units in which the amount was given. */
function problemOf({ amountMinor, currency, given }: GivenMoney, min: bigint, max: bigint): Problem | null {
  if (amountMinor >= min && amountMinor <= max) return null
  const shown = (minor: bigint) =>
    given === 'amount' ? toDecimal({ amountMinor: minor, currency }) : minor.toString()
  const message = amountMinor < min ? `at least ${shown(min)}` : `at most ${shown(max)}`
  return { path: [given], message, params: { code: 'OUT_OF_RANGE', min: shown(min), max: shown(max) } }
}
