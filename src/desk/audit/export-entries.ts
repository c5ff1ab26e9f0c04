// Exports the entries of a period as lines of text, oldest first. Reads in pages, so that memory is bounded for any
// length.
import type { CommandContext } from '../../auth/command-context.ts'
import { requirePermission } from '../../auth/permissions.ts'
import { csvRow } from '../../core/csv.ts'
import { AppError } from '../../core/errors.ts'
import type { ReadWhere } from '../../db/register.ts'
import type { AuditEntry as AuditEntryRow } from '../../generated/prisma/client.ts'
import { ACTOR_TYPES, type Change } from './entry.ts'

export type ExportFormat = 'jsonl' | 'csv'

/** Entries done at `from` or later, and before `to`. */
export type Period = { readonly from: Date; readonly to: Date }

/** How the API shows the ids of a type's objects, and what an entry changed. */
export type Presentation = {
  readonly idOf: (type: string, uuid: string) => string
  readonly changesOf: (entry: Pick<AuditEntryRow, 'subjectType' | 'before' | 'after'>) => Change[]
}

const DAY_MS = 86_400_000
/** A leap year; longer periods need several exports. */
const PERIOD_DAYS_MAX = 366
const PAGE_SIZE = 500

const COLUMNS = {
  id: true,
  actorKind: true,
  actorId: true,
  actorLabel: true,
  action: true,
  subjectType: true,
  subjectId: true,
  before: true,
  after: true,
  requestId: true,
  createdAt: true,
  recordedAt: true,
} as const
type Row = Pick<AuditEntryRow, keyof typeof COLUMNS>

/** Throws BAD_USER_INPUT for an empty, reversed or too long period. */
export function checkPeriod({ from, to }: Period): Period {
  if (from >= to) throw new AppError('BAD_USER_INPUT', '"from" must be before "to"')
  if (to.getTime() - from.getTime() > PERIOD_DAYS_MAX * DAY_MS) {
    throw new AppError('BAD_USER_INPUT', `a period has at most ${PERIOD_DAYS_MAX} days: ask for several`)
  }
  return { from, to }
}

/**
 * The text of an export, in pieces of at most a page. Each page is a separate statement, so that a slow reader holds no
 * connection. Throws FORBIDDEN without audit:read.
 */
export async function* exportEntries(
  caller: CommandContext,
  {
    format,
    period,
    shown,
    pageSize = PAGE_SIZE,
  }: {
    readonly format: ExportFormat
    readonly period: Period
    readonly shown: Presentation
    readonly pageSize?: number
  },
): AsyncGenerator<string> {
  requirePermission(caller.permissions, 'audit:read')
  const lineOf = format === 'csv' ? csvLine : jsonLine
  let header = format === 'csv' ? csvRow(CSV_COLUMNS) : ''
  const db = caller.database.forTenant(caller.scope)
  let last: Row | null = null
  let count = 0
  for (;;) {
    const rows: Row[] = await db.auditEntry.readMany({
      where: { AND: [{ createdAt: { gte: period.from, lt: period.to } }, beyond(last)] },
      orderBy: [{ createdAt: 'asc' }, { id: 'asc' }],
      take: pageSize,
      select: COLUMNS,
    })
    const text = header + rows.map((row) => lineOf(row, shown)).join('')
    if (text !== '') yield text
    header = ''
    count += rows.length
    last = rows.at(-1) ?? null
    if (last === null || rows.length < pageSize) break
  }
  caller.logger.info({ format, ...period, count }, 'the audit was exported')
}

function beyond(last: Row | null): ReadWhere<'AuditEntry'> {
  if (last === null) return {}
  const { createdAt, id } = last
  return {
    AND: [{ createdAt: { gte: createdAt } }, { OR: [{ createdAt: { gt: createdAt } }, { id: { gt: id } }] }],
  }
}

function toldOf(row: Row, shown: Presentation) {
  const { id, actorKind, actorId, actorLabel, action, subjectType, subjectId, requestId } = row
  const { idOf, changesOf } = shown
  const changes = changesOf(row)
  const side = (of: 'before' | 'after') => (row[of] === null ? null : valuesOf(changes, of))
  return {
    id: idOf('AuditEntry', id),
    createdAt: row.createdAt.toISOString(),
    recordedAt: row.recordedAt.toISOString(),
    actor: {
      kind: actorKind,
      id: actorId === null ? null : idOf(ACTOR_TYPES[actorKind], actorId),
      label: actorLabel,
    },
    action,
    subject: { type: subjectType, id: idOf(subjectType, subjectId) },
    before: side('before'),
    after: side('after'),
    requestId,
  }
}

function valuesOf(changes: readonly Change[], side: 'before' | 'after'): Readonly<Record<string, unknown>> {
  return Object.fromEntries(changes.map((change) => [change.field, change[side]]))
}

function jsonLine(row: Row, shown: Presentation): string {
  return `${JSON.stringify(toldOf(row, shown))}\n`
}

const CSV_COLUMNS = [
  'id',
  'createdAt',
  'recordedAt',
  'actorKind',
  'actorId',
  'actorLabel',
  'action',
  'subjectType',
  'subjectId',
  'before',
  'after',
  'requestId',
]

function csvLine(row: Row, shown: Presentation): string {
  const { id, createdAt, recordedAt, actor, action, subject, before, after, requestId } = toldOf(row, shown)
  const json = (value: unknown) => (value === null ? null : JSON.stringify(value))
  return csvRow([
    id,
    createdAt,
    recordedAt,
    actor.kind,
    actor.id,
    actor.label,
    action,
    subject.type,
    subject.id,
    json(before),
    json(after),
    requestId,
  ])
}
