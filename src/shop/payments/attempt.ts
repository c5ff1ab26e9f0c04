// One attempt at finishing an open payment or refund: claimed, so that one process calls the provider at a time; called
// outside any transaction; settled. The first request, a client's retry and the reconciling job all use it.
// attempt-payment.ts and refunds/attempt-refund.ts make the calls.
import type { CommandContext } from '../../auth/command-context.ts'
import type { Permission } from '../../auth/permissions.ts'
import type { Command, ErrorCodeOf } from '../../commands/command.ts'
import { auditOf } from '../../commands/edit.ts'
import { type Executed, refusedAtOnce } from '../../commands/executed.ts'
import { KEY_IN_USE } from '../../commands/idempotency.ts'
import { done, type UserError } from '../../commands/outcome.ts'
import { runInternalCommand } from '../../commands/run-command.ts'
import { AppError } from '../../core/errors.ts'
import type { TenantClient, Transaction } from '../../db/database.ts'
import type { PaymentStatus } from '../../generated/prisma/client.ts'
import type { Recorded } from '../orders/order-money.ts'
import { ATTEMPT_MS, isSettled } from './payment.ts'
import type { ProviderAccount } from './provider.ts'
import { openProvider } from './provider-record.ts'
import type { PaymentServices } from './services.ts'

/**
 * SETTLED: nothing left to do. OPEN: the provider does not know yet, or did not answer. BUSY: another process is
 * calling the provider.
 */
export type AttemptResult = 'SETTLED' | 'OPEN' | 'BUSY'

export type Open = {
  readonly id: string
  readonly status: PaymentStatus
  readonly providerReference: string | null
}

/** The steps of an attempt that differ between payments and refunds. */
export type Attemptable<Row extends Open, Verdict extends { readonly status: PaymentStatus }> = {
  readonly type: 'Payment' | 'Refund'
  readonly permission: Permission
  find(db: TenantClient, id: string): Promise<Row | null>
  /** Claims the attempt unless the row is settled or claimed; a row whose first call got no answer becomes UNKNOWN. */
  claim(tx: Transaction, id: string, times: { now: Date; until: Date }): Promise<boolean>
  providerOf(row: Row): string | null
  ask(account: ProviderAccount, row: Row, now: Date): Promise<Verdict>
  settle(
    tx: Transaction,
    id: string,
    verdict: Verdict,
    how: { readonly now: Date; readonly endsAttempt: boolean },
  ): Promise<Recorded>
}

const INTERRUPTED =
  'the database was interrupted while the provider’s answer was booked: send it again with the same key'

/** When an attempt that starts now counts as abandoned. */
export function attemptEnd(now: Date): Date {
  return new Date(now.getTime() + ATTEMPT_MS)
}

/**
 * Looks up the outcome at the provider, or repeats the call under the same key after a crash. `claimed`: the row, if the attempt
 * was claimed when it began. Throws database errors; the claim then expires.
 */
export async function attempt<Row extends Open, Verdict extends { readonly status: PaymentStatus }>(
  caller: CommandContext,
  services: PaymentServices,
  subject: Attemptable<Row, Verdict>,
  id: string,
  { claimed }: { readonly claimed: Row | null },
): Promise<AttemptResult> {
  const { type, permission } = subject
  const isBusy = claimed === null && !(await claim(caller, subject, id))
  const db = caller.database.forTenant(caller.scope)
  const row = claimed ?? (await subject.find(db, id))
  if (isBusy) return row === null || isSettled(row.status) ? 'SETTLED' : 'BUSY'
  if (row === null) throw new AppError('NOT_FOUND', `there is no such ${type.toLowerCase()}`)
  const providerId = subject.providerOf(row)
  const account = providerId === null ? null : await openProvider(db, services, providerId)
  if (account === null) throw new Error(`${type} ${id} has no provider to ask`)
  const verdict = await subject.ask(account, row, caller.clock())
  if (verdict.status === 'UNKNOWN') caller.logger.warn({ type, id, verdict }, 'the provider did not answer')
  const command = { name: `${type.toLowerCase()}Settle`, permission } as const
  const settled = runInternalCommand(caller, command, async (tx) => {
    const { audit, events } = await subject.settle(tx, id, verdict, {
      now: caller.clock(),
      endsAttempt: true,
    })
    return done(id, audit, events)
  })
  await settled.catch((cause: unknown) => {
    // A retry or the job finds out the outcome.
    if (!(cause instanceof AppError) || cause.code !== 'SERVICE_UNAVAILABLE') throw cause
    throw new AppError('SERVICE_UNAVAILABLE', INTERRUPTED, {}, { cause })
  })
  return isSettled(verdict.status) ? 'SETTLED' : 'OPEN'
}

/**
 * Brings what a command has begun, if it was not refused, as far as it can get now, and returns it. `errorsOf` gives
 * the user errors of a failed one; only callers who may read it see those of another caller's. User error
 * IDEMPOTENCY_KEY_IN_USE while another call is with the provider.
 */
export async function finish<
  Row extends Open,
  Verdict extends { readonly status: PaymentStatus },
  Of extends Command,
>(
  caller: CommandContext,
  services: PaymentServices,
  subject: Attemptable<Row, Verdict>,
  begun: Executed<Of>,
  errorsOf: (row: Row, mayRead: boolean) => readonly UserError<ErrorCodeOf<Of>>[],
): Promise<Executed<Of>> {
  const { id, isOwn } = begun
  if (id === null) return begun
  const mayRead = isOwn || caller.permissions.has('payments:read')
  const db = caller.database.forTenant(caller.scope)
  const find = async () => {
    const row = await subject.find(db, id)
    if (row === null) throw new Error(`${subject.type} ${id} was begun and is missing`)
    return row
  }
  const standing = await find()
  // It has begun, and the provider is not known to have it: finish it now, unless another call is doing so.
  if (!isSettled(standing.status) && standing.providerReference === null) {
    const claimed = begun.replayed ? null : standing
    const result = await attempt(caller, services, subject, id, { claimed })
    if (result === 'BUSY') return refusedAtOnce([KEY_IN_USE])
    return { ...begun, userErrors: errorsOf(await find(), mayRead) }
  }
  return { ...begun, userErrors: errorsOf(standing, mayRead) }
}

async function claim<Row extends Open, Verdict extends { readonly status: PaymentStatus }>(
  caller: CommandContext,
  { type, permission, find, claim: take }: Attemptable<Row, Verdict>,
  id: string,
): Promise<boolean> {
  const command = { name: `${type.toLowerCase()}Attempt`, permission } as const
  return await runInternalCommand(caller, command, async (tx) => {
    const before = await find(tx, id)
    const now = caller.clock()
    const isClaimed = await take(tx, id, { now, until: attemptEnd(now) })
    const isNews = isClaimed && before?.status === 'PENDING' && before.providerReference === null
    const audit = isNews ? [auditOf({ type, id }, { status: 'PENDING' }, { status: 'UNKNOWN' })] : []
    return done(id, audit, [], isClaimed)
  })
}
