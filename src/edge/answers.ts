// Turns an operation's result into the answer's text: masks its errors, bounds its size before serialising, charges its
// cost. The same for compiled answers and those of graphql-js. admission.ts admits operations.
import type { GraphQLError } from 'graphql'
import type { Answer } from '../answers/operation.ts'
import { type Prices, weigh } from '../answers/weight.ts'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import { isOverBytes, pointsOf, REFUSAL_COST } from './answer-price.ts'
import { type Account, charge, chargeRefusal, reportOf } from './cost-budget.ts'
import {
  type ErrorMask,
  type MaskedError,
  type PublicCode,
  retryAfterSecondsOf,
  STATUS_OF,
} from './mask-errors.ts'
import type { RequestContext, RequestState } from './request-state.ts'
import type { UnsentAnswers } from './unsent-answers.ts'

export type AnswerOptions = {
  readonly mask: ErrorMask
  readonly unsent: UnsentAnswers
  readonly answerBytesMax: number
  readonly clock: Clock
}

type Errors = readonly MaskedError[] | null

/** The result of an operation: data, JSON that is compiled, or neither, when it did not run. */
export type Result = {
  readonly data?: unknown
  readonly compiled?: Answer
  readonly errors: readonly GraphQLError[]
  readonly extensions?: Readonly<Record<string, unknown>> | undefined
  /** As the pipeline chose it. */
  readonly status: number | undefined
}

/** Puts the answer's text into the request's state; returns the HTTP status, undefined: 200. */
export type Conclude = (context: RequestContext, result: Result) => number | undefined

const NO_PRICES: Prices = new Map()

export function createAnswers(options: AnswerOptions): Conclude {
  const { mask, unsent, answerBytesMax, clock } = options

  /** The JSON of a finished operation's data. Throws the error to answer instead. */
  function serialise(state: RequestState, account: Account, result: Result, errors: Errors): string {
    const errorBytes = errors === null ? 0 : weigh(errors, NO_PRICES).bytes
    const { json, units, bytes } = dataOf(state, account, result, errors, errorBytes)
    const sent = errorBytes + bytes
    settle(state, account, units + sent, errors !== null)
    if (unsent.hold(state.response, account.tenant, sent)) return json
    throw new AppError('SERVICE_UNAVAILABLE', 'too many answers wait for their clients to read them')
  }

  function dataOf(
    state: RequestState,
    account: Account,
    { compiled, data }: Result,
    errors: Errors,
    errorBytes: number,
  ): { readonly json: string; readonly units: number; readonly bytes: number } {
    if (compiled === undefined) {
      const { units, bytes } = weigh(data, state.plan?.prices ?? NO_PRICES)
      if (isOverBytes([data, errors ?? undefined], bytes + errorBytes, answerBytesMax))
        throw refuse(state, account, units, bytes + errorBytes)
      const json = JSON.stringify(data)
      return { json, units, bytes: Buffer.byteLength(json) }
    }
    const { json, units } = compiled
    const bytes = Buffer.byteLength(json)
    if (bytes + errorBytes > answerBytesMax) throw refuse(state, account, units, bytes + errorBytes)
    return { json, units, bytes }
  }

  function refuse(state: RequestState, account: Account, units: number, bytes: number): AppError {
    settle(state, account, units + Math.max(bytes, answerBytesMax), true)
    return tooLarge(state, answerBytesMax)
  }

  return ({ state, caller, extensions }, result) => {
    const { account } = state
    let { status } = result
    if (account === null) return status
    if (typeof extensions.retryAfterSeconds === 'number')
      state.retryAfterSeconds = extensions.retryAfterSeconds
    const raised = state.refusals ?? result.errors
    const hasRun = result.data !== undefined || result.compiled !== undefined
    let errors: Errors = raised.length === 0 ? null : mask(raised, caller.requestId)
    if (errors !== null) status = statusOf(raised, errors, hasRun, result) ?? status
    let text: string | undefined
    if (!hasRun) {
      payRefusal(state, errors?.[0]?.extensions.code ?? 'INTERNAL')
    } else {
      try {
        text = serialise(state, account, result, errors)
      } catch (error) {
        errors = mask([error], caller.requestId)
        status = STATUS_OF[errors[0]?.extensions.code ?? 'INTERNAL']
      }
      extensions.cost = reportOf(account, state.requestedPoints, state.actualPoints, clock)
    }
    if (errors !== null) noteOutcome(state, errors)
    state.text = textOf(errors, text, { ...result.extensions, ...extensions })
    return status
  }
}

/**
 * Charges the cost of a finished operation. A failed one pays at least its reservation, since its answer does not show
 * how much work was done.
 */
function settle(state: RequestState, account: Account, units: number, hasFailed: boolean): void {
  const counted = pointsOf(units) + state.inputPoints * state.inputUses
  state.actualPoints = hasFailed ? Math.max(counted, state.requestedPoints) : counted
  charge(account, state.actualPoints - state.requestedPoints)
}

const OURS: ReadonlySet<PublicCode> = new Set(['RATE_LIMITED', 'SERVICE_UNAVAILABLE', 'INTERNAL'])

/**
 * Charges a request that did not run, and for reading its document again, unless the server is at fault. A client's mistake also counts towards the
 * caller's refusals.
 */
export function payRefusal(
  { account, requestedPoints, readingPoints, inputPoints }: RequestState,
  code: PublicCode,
  isMistake = true,
): void {
  if (account === null) return
  charge(account, -requestedPoints)
  if (OURS.has(code)) return
  const points = REFUSAL_COST + readingPoints + inputPoints
  if (isMistake) chargeRefusal(account, points)
  else charge(account, points)
}

function tooLarge({ isMutation }: RequestState, max: number): AppError {
  const done = isMutation ? ', and what it changed stays changed' : ''
  return new AppError('QUERY_TOO_COMPLEX', `the answer has over ${max} bytes: ask for less of it${done}`, {
    max,
  })
}

function textOf(errors: Errors, data: string | undefined, extensions: Record<string, unknown>): string {
  const parts: string[] = []
  if (errors !== null) parts.push(`"errors":${JSON.stringify(errors)}`)
  if (data !== undefined) parts.push(`"data":${data}`)
  if (Object.keys(extensions).length > 0) parts.push(`"extensions":${JSON.stringify(extensions)}`)
  return `{${parts.join(',')}}`
}

/** Sets the outcome for the route's header, the metrics and the log. */
export function noteOutcome(state: RequestState, errors: readonly MaskedError[]): void {
  const codes = errors.map(({ extensions }) => extensions.code)
  // Of several the server's own, which must not hide behind a field that its caller may not read.
  state.code = codes.find((code) => OURS.has(code)) ?? codes[0] ?? null
  state.retryAfterSeconds = retryAfterSecondsOf(errors) ?? state.retryAfterSeconds
}

/**
 * The status of an operation that did not run: by its first error. Of one that ran: 503 when an outage left no data,
 * since a client that only reads the status must know to retry; otherwise the one that was chosen.
 */
function statusOf(
  errors: readonly GraphQLError[],
  masked: readonly MaskedError[],
  hasRun: boolean,
  { data, compiled, status }: Result,
): number | undefined {
  if (!hasRun) {
    const http = errors[0]?.extensions.http
    return http === undefined ? STATUS_OF[masked[0]?.extensions.code ?? 'INTERNAL'] : status
  }
  const isOutage = masked.some(({ extensions }) => extensions.code === 'SERVICE_UNAVAILABLE')
  const holdsNothing = compiled?.isEmpty ?? isEmpty(data)
  return isOutage && holdsNothing ? STATUS_OF.SERVICE_UNAVAILABLE : status
}

function isEmpty(data: unknown): boolean {
  return typeof data !== 'object' || data === null || Object.values(data).every((value) => value === null)
}
