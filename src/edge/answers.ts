// Turns an operation's result into the answer's text: masks its errors, bounds its size before serialising, charges its
// cost. apollo-plugin.ts admits operations.
import type { GraphQLRequestContextWillSendResponse } from '@apollo/server'
import type { GraphQLError } from 'graphql'
import type { Clock } from '../core/clock.ts'
import { AppError } from '../core/errors.ts'
import { isOverBytes, pointsOf, REFUSAL_COST, weigh } from './answer-price.ts'
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

type Request = GraphQLRequestContextWillSendResponse<RequestContext>
type Errors = readonly MaskedError[] | null

const NO_PRICES: ReadonlyMap<string, number> = new Map()

/** Makes the last step of Apollo's pipeline, which puts the answer's text into the request's state. */
export function createAnswers(options: AnswerOptions): (request: Request) => void {
  const { mask, unsent, answerBytesMax, clock } = options

  /** The JSON of a finished operation's data. Throws the error to answer instead. */
  function serialise(state: RequestState, account: Account, data: unknown, errors: Errors): string {
    const weight = weigh(data, state.prices ?? NO_PRICES)
    const bytes = weight.bytes + (errors === null ? 0 : weigh(errors, NO_PRICES).bytes)
    if (isOverBytes([data, errors ?? undefined], bytes, answerBytesMax)) {
      settle(state, account, weight.units + Math.max(bytes, answerBytesMax), true)
      throw tooLarge(state, answerBytesMax)
    }
    const text = JSON.stringify(data)
    const sent = bytes - weight.bytes + Buffer.byteLength(text)
    settle(state, account, weight.units + sent, errors !== null)
    if (unsent.hold(state.response, account.tenant, sent)) return text
    throw new AppError('SERVICE_UNAVAILABLE', 'too many answers wait for their clients to read them')
  }

  return (request) => {
    const { state, caller, extensions } = request.contextValue
    const { body, http } = request.response
    const { account } = state
    if (body.kind !== 'single' || account === null) return
    if (typeof extensions.retryAfterSeconds === 'number')
      state.retryAfterSeconds = extensions.retryAfterSeconds
    const { data } = body.singleResult
    const raised = state.refusals ?? request.errors ?? []
    let errors: Errors = raised.length === 0 ? null : mask(raised, caller.requestId)
    if (errors !== null) {
      const status = statusOf(raised, errors, data, http.status)
      if (status !== undefined) http.status = status
    }
    let text: string | undefined
    if (data === undefined) {
      payRefusal(state, errors?.[0]?.extensions.code ?? 'INTERNAL')
    } else {
      try {
        text = serialise(state, account, data, errors)
      } catch (error) {
        errors = mask([error], caller.requestId)
        http.status = STATUS_OF[errors[0]?.extensions.code ?? 'INTERNAL']
      }
      extensions.cost = reportOf(account, state.requestedPoints, state.actualPoints, clock)
    }
    if (errors !== null) noteOutcome(state, errors)
    state.text = textOf(errors, text, { ...body.singleResult.extensions, ...extensions })
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
 * since a client that only reads the status must know to retry; otherwise Apollo's.
 */
function statusOf(
  errors: readonly GraphQLError[],
  masked: readonly MaskedError[],
  data: unknown,
  chosen: number | undefined,
): number | undefined {
  if (data === undefined) {
    const http = errors[0]?.extensions.http
    return http === undefined ? STATUS_OF[masked[0]?.extensions.code ?? 'INTERNAL'] : chosen
  }
  const isOutage = masked.some(({ extensions }) => extensions.code === 'SERVICE_UNAVAILABLE')
  return isOutage && holdsNothing(data) ? STATUS_OF.SERVICE_UNAVAILABLE : chosen
}

function holdsNothing(data: unknown): boolean {
  return typeof data !== 'object' || data === null || Object.values(data).every((value) => value === null)
}
