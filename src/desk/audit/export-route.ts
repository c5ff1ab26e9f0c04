// GET /audit.jsonl and /audit.csv: streams a period of a tenant's audit. export-entries.ts makes the content.
import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { z } from 'zod'
import { credentialsOf } from '../../auth/authenticate.ts'
import type { CommandContext } from '../../auth/command-context.ts'
import { requirePermission } from '../../auth/permissions.ts'
import type { Clock } from '../../core/clock.ts'
import { createCounters } from '../../core/counters.ts'
import { AppError } from '../../core/errors.ts'
import type { Route } from '../../edge/http-server.ts'
import { nodeIdOf } from '../../graphql/node-ids.ts'
import { dateTimeScalar } from '../../graphql/scalars.ts'
import { shownColumns } from '../../graphql/shown-columns.ts'
import {
  checkPeriod,
  type ExportFormat,
  exportEntries,
  type Period,
  type Presentation,
} from './export-entries.ts'
import { changesOf } from './graphql/changes.ts'

const CONTENT_TYPES: Record<ExportFormat, string> = {
  jsonl: 'application/jsonl; charset=utf-8',
  csv: 'text/csv; charset=utf-8; header=present',
}
const day = z.iso.date()
/** Per tenant, in one process: exports read whole tables, and must leave room for other work. */
const RUNNING_MAX = 2
const RETRY_AFTER_SECONDS = 5

/**
 * Adds both routes. They accept the credentials of /graphql, and answer errors in its form. A failure after the answer
 * has begun closes the connection, so that no client takes a part for the whole.
 */
export const auditRoute: Route = (app, { authenticator, clock, schema }) => {
  const running = createTurns()
  const shown: Presentation = {
    idOf: (type, uuid) => nodeIdOf(type, uuid) ?? uuid,
    changesOf: (entry) => changesOf(entry, shownColumns(schema, entry.subjectType)),
  }

  async function handle(
    format: ExportFormat,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const caller = await authenticator.authenticate(credentialsOf(request), request.id)
    requirePermission(caller.permissions, 'audit:read')
    const period = periodOf(request.query as Record<string, unknown>, clock)
    const leave = running.enter(caller.scope.tenantId)
    const pages = textOf(caller, { format, period, shown }, leave)
    // The first page is read before the answer begins, so that its errors can have a status code.
    const first = await pages.next()
    const text = Readable.from(startingWith(first, pages))
    // Emitted in any case, even when nobody reads the stream.
    text.once('close', leave)
    return reply
      .header('content-type', CONTENT_TYPES[format])
      .header('content-disposition', `attachment; filename="audit-${caller.tenantSlug}.${format}"`)
      .send(text)
  }

  for (const format of ['jsonl', 'csv'] as const) {
    app.route({
      method: 'GET',
      url: `/audit.${format}`,
      config: { crossOrigin: true },
      exposeHeadRoute: false,
      handler: (request, reply) => handle(format, request, reply),
    })
  }
  return undefined
}

async function* textOf(
  caller: CommandContext,
  asked: Parameters<typeof exportEntries>[1],
  leave: () => void,
): AsyncGenerator<string> {
  try {
    yield* exportEntries(caller, asked)
  } finally {
    leave()
  }
}

async function* startingWith(
  first: IteratorResult<string>,
  rest: AsyncGenerator<string>,
): AsyncGenerator<string> {
  try {
    if (first.done !== true) yield first.value
    yield* rest
  } finally {
    // The reader left during the first page: stop here.
    await rest.return(undefined)
  }
}

/** `from` is required. Default of `to`: now. A date means its first instant in UTC. */
function periodOf({ from, to }: Record<string, unknown>, clock: Clock): Period {
  if (from === undefined) {
    throw new AppError('BAD_USER_INPUT', '"from" is needed: an instant like 2026-01-31T12:00:00Z, or a day')
  }
  return checkPeriod({
    from: instantOf('from', from),
    to: to === undefined ? clock() : instantOf('to', to),
  })
}

function instantOf(name: string, text: unknown): Date {
  const ofDay = day.safeParse(text)
  const instant = ofDay.success ? `${ofDay.data}T00:00:00Z` : text
  try {
    return dateTimeScalar.parseValue(instant)
  } catch (error) {
    const message = `"${name}" must be an instant like 2026-01-31T12:00:00Z, or a day`
    throw new AppError('BAD_USER_INPUT', message, {}, { cause: error })
  }
}

/** Counts the running exports of each tenant. */
function createTurns() {
  const counts = createCounters<string>()
  return {
    /** Returns a function that ends the turn. Throws RATE_LIMITED. */
    enter(tenantId: string): () => void {
      if (counts.get(tenantId) >= RUNNING_MAX) {
        const message = `${RUNNING_MAX} exports of the audit are running: try again when one has ended`
        throw new AppError('RATE_LIMITED', message, { retryAfterSeconds: RETRY_AFTER_SECONDS })
      }
      counts.add(tenantId, 1)
      let isIn = true
      return () => {
        if (!isIn) return
        isIn = false
        counts.add(tenantId, -1)
      }
    },
  }
}
