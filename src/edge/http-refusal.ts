// Refusals with an HTTP status of their own, and our messages for Fastify's errors. answer-error.ts answers them.
import type { FastifyError } from 'fastify'
import { AppError, type ErrorCode } from '../core/errors.ts'

/** A refusal whose HTTP status does not follow from its code. It is not a fault of ours, so it is not logged. */
export class HttpRefusal extends AppError {
  readonly status: number
  constructor(
    status: number,
    message: string,
    code: ErrorCode = 'BAD_USER_INPUT',
    details: Record<string, unknown> = {},
  ) {
    super(code, message, details)
    this.status = status
  }
}

/** 503 with Retry-After: too much work is in progress. */
export function overloaded(message: string): HttpRefusal {
  return new HttpRefusal(503, message, 'SERVICE_UNAVAILABLE')
}

const MESSAGES: ReadonlyMap<string, string> = new Map([
  ['FST_ERR_CTP_BODY_TOO_LARGE', 'the body is too large'],
  ['FST_ERR_CTP_INVALID_MEDIA_TYPE', 'the content type must be application/json'],
  ['FST_ERR_CTP_INVALID_CONTENT_LENGTH', 'the body does not have the length in its header'],
  ['FST_ERR_CTP_EMPTY_JSON_BODY', 'the body is empty'],
  ['FST_ERR_CTP_INVALID_JSON_BODY', 'the body is not valid JSON'],
  ['FST_ERR_BAD_URL', 'the path is not valid'],
  ['FST_ERR_MAX_PARAM_LENGTH', 'the path is too long'],
])

/**
 * The refusal for an error of Fastify, in our words, since Fastify's messages quote the request. Null for any other
 * error.
 */
export function refusalOf(error: FastifyError | Error): HttpRefusal | null {
  if (error instanceof HttpRefusal) return error
  if (error instanceof AppError) return null
  const { statusCode, code } = error as Partial<FastifyError>
  if (statusCode === undefined || statusCode < 400 || statusCode > 499) return null
  return new HttpRefusal(statusCode, MESSAGES.get(code ?? '') ?? 'the request could not be read')
}
