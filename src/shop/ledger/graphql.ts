// The ledger: its types and queries. Nothing here writes; entries are posted by what they are about.
import type { GraphQLResolveInfo } from 'graphql'
import { isUuid, NO_ID } from '../../core/ids.ts'
import type { Filter } from '../../db/reader/read-sql.ts'
import type { LedgerAccount as AccountRow, JournalEntry as EntryRow } from '../../generated/prisma/client.ts'
import { anyOf } from '../../graphql/any-of.ts'
import { loadTogether } from '../../graphql/batch.ts'
import { builder } from '../../graphql/builder.ts'
import { pageArgs, relationListField } from '../../graphql/connections.ts'
import type { Context } from '../../graphql/context.ts'
import { MoneyType } from '../../graphql/money.ts'
import { Node } from '../../graphql/node.ts'
import { nodeId, nodeUuid } from '../../graphql/node-ids.ts'
import { projection, selectionOf } from '../../graphql/projection.ts'
import { readPage } from '../../graphql/read.ts'
import { relation } from '../../graphql/relations.ts'
import { NOTE_BYTES, textBytes } from '../../graphql/text-bytes.ts'
import {
  JournalEntry,
  JournalEntryConnection,
  LedgerAccount,
  LedgerAccountConnection,
  Posting,
  PostingConnection,
} from '../refs.ts'
import { accountBalances, runningBalances } from './balances.ts'
import { ACCOUNT_CODES } from './posting.ts'
import {
  type TrialBalance,
  type TrialBalanceRow,
  type TrialBalanceTotal,
  trialBalance,
} from './trial-balance.ts'

/** For each parent: it sums all that was ever posted to one account, as `totalCount` counts. */
const BALANCE_COST = 10
/** For each posting: a page of them is summed in one go. */
const RUNNING_BALANCE_COST = 2
/** It reads all that was ever posted. */
const TRIAL_BALANCE_COST = 1_000
/** What a trial balance is taken to hold when its cost is counted: the chart of accounts, in one currency. */
const ACCOUNTS_EXPECTED = Object.keys(ACCOUNT_CODES).length
const CURRENCIES_EXPECTED = 1

const NEWEST_FIRST = { column: 'postedAt', type: 'date', descending: true } as const

/**
 * The row whose column `by` has this value, read for all parents of the field at once; null when there is none. For
 * what is no relation of the parent's row.
 */
async function readTogether<T extends object>(
  context: Context,
  info: GraphQLResolveInfo,
  {
    model,
    by,
    value,
  }: { readonly model: 'JournalEntry' | 'LedgerAccount'; readonly by: string; readonly value: string },
): Promise<T | null> {
  // graphql-js gives all parents of a field the same list of nodes: it stands for the place in the operation. The first
  // node alone does not, since a fragment can stand in two places and be merged with other fields in one.
  const row = await loadTogether(context, info.fieldNodes, value, async (values) => {
    const select = { ...selectionOf(info, context, model), [by]: true as const }
    const { database, scope } = context.caller
    const rows = await database.read<T>(scope, model, { where: { [by]: { in: values } }, select })
    return new Map(rows.map((row) => [(row as Record<string, unknown>)[by] as string, row]))
  })
  return row ?? null
}

const LedgerAccountType = builder.enumType('LedgerAccountType', {
  values: ['ASSET', 'LIABILITY', 'EQUITY', 'REVENUE', 'EXPENSE'] as const,
})

const JournalEntryKind = builder.enumType('JournalEntryKind', {
  description: 'REVERSAL: undoes another entry, posting by posting.',
  values: ['SALE', 'REFUND', 'FEE', 'PAYOUT', 'DISPUTE', 'REVERSAL'] as const,
})

const PostingSide = builder.enumType('PostingSide', { values: ['DEBIT', 'CREDIT'] as const })

LedgerAccount.implement({
  description: 'An account of the ledger, in one currency.',
  interfaces: [Node],
  extensions: { model: 'LedgerAccount', permission: 'ledger:read' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('LedgerAccount', id) }),
    code: t.exposeString('code', { description: 'Its number in the chart of accounts, such as 4010.' }),
    name: t.exposeString('name'),
    type: t.expose('type', { type: LedgerAccountType }),
    currency: t.expose('currency', { type: 'Currency' }),
    balance: t.field({
      type: MoneyType,
      description: 'Debits less credits of all its postings: negative for what was earned.',
      extensions: { ...projection({ columns: ['id', 'currency'] }).extensions, cost: BALANCE_COST },
      resolve: async ({ id, currency }, _args, context) => {
        const load = (ids: string[]) => accountBalances(context.db, ids)
        return { amountMinor: (await loadTogether(context, accountBalances, id, load)) ?? 0n, currency }
      },
    }),
    postings: relationListField(
      t,
      PostingConnection,
      'postings',
      NEWEST_FIRST,
      'What was posted to it, latest first.',
    ),
  }),
})

/** What entries are about that is an object of the API: their sources' types are these names. */
const SOURCE_NODES = ['Payment', 'Refund', 'JournalEntry'] as const

const JournalEntrySource = builder
  .objectRef<{ readonly type: string; readonly id: string }>('JournalEntrySource')
  .implement({
    description: 'The event of the business that an entry tells of.',
    fields: (t) => ({
      type: t.exposeString('type'),
      id: t.exposeID('id', {
        description: 'Look it up with `node`, where its type is one; else the word of whoever told of it.',
      }),
    }),
  })

function sourceOf({ sourceType: type, sourceId }: EntryRow): { type: string; id: string } {
  const name = isUuid(sourceId) ? SOURCE_NODES.find((node) => node === type) : undefined
  return { type, id: name === undefined ? sourceId : nodeId(name, sourceId) }
}

/** The entries of a source, named as `sourceOf` shows it. */
function ofSource(id: string): Filter {
  for (const sourceType of SOURCE_NODES) {
    const sourceId = nodeUuid(sourceType, id)
    if (sourceId !== NO_ID) return { sourceType, sourceId }
  }
  return { sourceId: id }
}

JournalEntry.implement({
  description:
    'One event in the books: postings that come to zero. It never changes; another entry may reverse it.',
  interfaces: [Node],
  extensions: { model: 'JournalEntry', permission: 'ledger:read' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('JournalEntry', id) }),
    kind: t.expose('kind', { type: JournalEntryKind }),
    description: t.exposeString('description', textBytes(NOTE_BYTES)),
    postedAt: t.expose('postedAt', { type: 'DateTime' }),
    source: t.field({
      type: JournalEntrySource,
      ...projection({ columns: ['sourceType', 'sourceId'] }),
      resolve: sourceOf,
    }),
    postings: relationListField(
      t,
      PostingConnection,
      'postings',
      { column: 'position', type: 'number', descending: false },
      'Its debits and credits, in their order.',
    ),
    reverses: t.field({
      type: JournalEntry,
      nullable: true,
      description: 'The entry that it undoes.',
      ...projection({ one: 'reverses' }),
      resolve: (entry, _args, context, info) => relation<EntryRow | null>(entry, 'reverses', context, info),
    }),
    reversedBy: t.field({
      type: JournalEntry,
      nullable: true,
      description: 'The entry that undoes it.',
      resolve: ({ id }, _args, context, info) =>
        readTogether<EntryRow>(context, info, { model: 'JournalEntry', by: 'reversesId', value: id }),
    }),
  }),
})

Posting.implement({
  description: 'One debit or credit of an entry, to one account.',
  interfaces: [Node],
  extensions: { model: 'Posting', permission: 'ledger:read' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('Posting', id) }),
    amount: t.field({
      type: MoneyType,
      description: 'Positive for a debit, negative for a credit.',
      ...projection({ columns: ['amountMinor', 'currency'] }),
      resolve: ({ amountMinor, currency }) => ({ amountMinor, currency }),
    }),
    side: t.field({
      type: PostingSide,
      ...projection({ columns: ['amountMinor'] }),
      resolve: ({ amountMinor }) => (amountMinor > 0n ? 'DEBIT' : 'CREDIT'),
    }),
    postedAt: t.expose('postedAt', { type: 'DateTime' }),
    runningBalance: t.field({
      type: MoneyType,
      description: "The account's balance after it: of the postings up to it, by their time.",
      extensions: { ...projection({ columns: ['id', 'currency'] }).extensions, cost: RUNNING_BALANCE_COST },
      resolve: async ({ id, currency }, _args, context) => {
        const load = (ids: string[]) => runningBalances(context.db, ids)
        const amountMinor = await loadTogether(context, runningBalances, id, load)
        // Postings are never deleted.
        if (amountMinor === undefined) throw new Error(`posting ${id} is gone`)
        return { amountMinor, currency }
      },
    }),
    account: t.field({
      type: LedgerAccount,
      ...projection({ one: 'account' }),
      resolve: (posting, _args, context, info) => relation<AccountRow>(posting, 'account', context, info),
    }),
    entry: t.field({
      type: JournalEntry,
      ...projection({ one: 'entry' }),
      resolve: (posting, _args, context, info) => relation<EntryRow>(posting, 'entry', context, info),
    }),
  }),
})

const TrialBalanceRowType = builder.objectRef<TrialBalanceRow>('TrialBalanceRow').implement({
  description: 'What was debited and credited to one account.',
  fields: (t) => ({
    account: t.field({
      type: LedgerAccount,
      resolve: async ({ accountId }, _args, context, info) => {
        const wanted = { model: 'LedgerAccount', by: 'id', value: accountId } as const
        const account = await readTogether<AccountRow>(context, info, wanted)
        // Accounts are never deleted.
        if (account === null) throw new Error(`account ${accountId} is gone`)
        return account
      },
    }),
    debit: t.expose('debit', { type: MoneyType }),
    credit: t.expose('credit', { type: MoneyType }),
    balance: t.expose('balance', { type: MoneyType, description: 'Debits less credits.' }),
  }),
})

const TrialBalanceTotalType = builder.objectRef<TrialBalanceTotal>('TrialBalanceTotal').implement({
  description: 'The sums of all accounts in one currency.',
  fields: (t) => ({
    currency: t.expose('currency', { type: 'Currency' }),
    debit: t.expose('debit', { type: MoneyType }),
    credit: t.expose('credit', { type: MoneyType }),
  }),
})

const TrialBalanceType = builder.objectRef<TrialBalance>('TrialBalance').implement({
  description: 'The books at a glance: every debit has its credit.',
  extensions: { permission: 'ledger:read' },
  fields: (t) => ({
    asOf: t.expose('asOf', { type: 'DateTime' }),
    rows: t.field({
      type: [TrialBalanceRowType],
      description: 'One for each account, by currency and code.',
      extensions: { listSize: ACCOUNTS_EXPECTED },
      resolve: ({ rows }) => rows,
    }),
    totals: t.field({
      type: [TrialBalanceTotalType],
      description: 'One for each currency.',
      extensions: { listSize: CURRENCIES_EXPECTED },
      resolve: ({ totals }) => totals,
    }),
    balanced: t.exposeBoolean('balanced', {
      description: 'In each currency debits and credits come to the same.',
    }),
  }),
})

const LedgerAccountFilter = builder.inputType('LedgerAccountFilter', {
  fields: (t) => ({
    currency: t.field({ type: 'Currency' }),
    type: t.field({ type: [LedgerAccountType] }),
  }),
})

const JournalEntryFilter = builder.inputType('JournalEntryFilter', {
  fields: (t) => ({
    kind: t.field({ type: [JournalEntryKind] }),
    sourceId: t.id({ description: "What they are about: an entry's `source { id }`." }),
    postedFrom: t.field({ type: 'DateTime', description: 'Posted at this instant or later.' }),
    postedBefore: t.field({ type: 'DateTime', description: 'Posted before this instant.' }),
  }),
})

function entryFilter(filter: typeof JournalEntryFilter.$inferInput | null | undefined): Filter {
  const { kind, sourceId, postedFrom, postedBefore } = filter ?? {}
  return {
    ...(kind && { kind: anyOf(kind) }),
    ...(typeof sourceId === 'string' && ofSource(sourceId)),
    ...((postedFrom || postedBefore) && {
      postedAt: { ...(postedFrom && { gte: postedFrom }), ...(postedBefore && { lt: postedBefore }) },
    }),
  }
}

builder.queryFields((t) => ({
  ledgerAccounts: t.field({
    type: LedgerAccountConnection,
    description: 'The chart of accounts, by code: the same accounts in each currency that was ever used.',
    args: { ...pageArgs(t.arg), filter: t.arg({ type: LedgerAccountFilter }) },
    resolve: (_root, { filter, ...page }, context, info) => {
      const where = {
        ...(typeof filter?.currency === 'string' && { currency: filter.currency }),
        ...(filter?.type && { type: anyOf(filter.type) }),
      }
      const sort = { column: 'code', type: 'string', descending: false } as const
      return readPage<AccountRow>(context, info, { model: 'LedgerAccount', where, sort }, page)
    },
  }),
  journalEntries: t.field({
    type: JournalEntryConnection,
    description: 'All entries of the ledger, latest first.',
    args: { ...pageArgs(t.arg), filter: t.arg({ type: JournalEntryFilter }) },
    resolve: (_root, { filter, ...page }, context, info) => {
      const where = entryFilter(filter)
      return readPage<EntryRow>(context, info, { model: 'JournalEntry', where, sort: NEWEST_FIRST }, page)
    },
  }),
  trialBalance: t.field({
    type: TrialBalanceType,
    description: 'What each account comes to, of all that was posted until an instant; now, unless told.',
    extensions: { cost: TRIAL_BALANCE_COST },
    args: { asOf: t.arg({ type: 'DateTime', description: 'What was posted at this instant counts.' }) },
    resolve: (_root, { asOf }, { db, caller }) => trialBalance(db, asOf ?? caller.clock()),
  }),
}))
