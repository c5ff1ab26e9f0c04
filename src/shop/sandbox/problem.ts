// Stripe's error answers: https://docs.stripe.com/api/errors.

export type ProblemBody = {
  readonly type: 'card_error' | 'invalid_request_error' | 'idempotency_error' | 'api_error'
  readonly message: string
  readonly code?: string
  readonly decline_code?: string
  readonly param?: string
  readonly charge?: string
  readonly payment_method?: unknown
  readonly payment_intent?: unknown
}

/** Thrown to answer an error. `isKept`: it is the call's outcome, and is stored under its idempotency key. */
export class Problem extends Error {
  readonly status: number
  readonly body: ProblemBody
  readonly isKept: boolean

  constructor(status: number, body: ProblemBody, { isKept = false } = {}) {
    super(body.message)
    this.status = status
    this.body = body
    this.isKept = isKept
  }
}

export function invalid(message: string, param?: string, code?: string): Problem {
  return new Problem(400, {
    type: 'invalid_request_error',
    message,
    ...(param !== undefined && { param }),
    ...(code !== undefined && { code }),
  })
}

export function required(param: string): Problem {
  return invalid(`Missing required param: ${param}.`, param, 'parameter_missing')
}

/** `param` is the parameter with the id. Default: the path's. */
export function missing(kind: string, id: string, param = 'id'): Problem {
  const message = `No such ${kind}: '${id}'`
  return new Problem(404, { type: 'invalid_request_error', code: 'resource_missing', param, message })
}
