// The ledger's types and queries. Nothing here writes; payments, refunds, disputes and payouts post their entries.

import { isUuid, NO_ID } from '../../core/ids.ts'
import type { ReadWhere } from '../../db/register.ts'
import type { LedgerAccount as AccountRow, JournalEntry as EntryRow } from '../../generated/prisma/client.ts'
import { anyOf } from '../../graphql/any-of.ts'
import { loadTogether } from '../../graphql/batch.ts'
import { spanFields, spanOf } from '../../graphql/between.ts'
import { builder } from '../../graphql/builder.ts'
import { pageArgs, relationListField } from '../../graphql/connections.ts'
import { describedValues } from '../../graphql/described-values.ts'
import { MoneyType, moneyField } from '../../graphql/money.ts'
import { Node, nodeLink } from '../../graphql/node.ts'
import { idField, nodeId, nodeUuid } from '../../graphql/node-ids.ts'
import { computed, projection } from '../../graphql/projection.ts'
import { page, readField } from '../../graphql/read.ts'
import { enumRef } from '../../graphql/refs.ts'
import { readTogether, relation } from '../../graphql/relations.ts'
import { sortOf } from '../../graphql/sorts.ts'
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
import { ACCOUNT_CODES } from './chart-of-accounts.ts'
import {
  type TrialBalance,
  type TrialBalanceRow,
  type TrialBalanceTotal,
  trialBalance,
} from './trial-balance.ts'

/** For each parent: it sums all postings of one account, as `totalCount` counts rows. */
const BALANCE_COST = 10
/** For each posting; a page of them is summed by one statement. */
const RUNNING_BALANCE_COST = 2
/** It reads all postings. */
const TRIAL_BALANCE_COST = 1_000
/** The number of rows of a trial balance that its cost assumes: the chart of accounts in one currency. */
const ACCOUNTS_EXPECTED = Object.keys(ACCOUNT_CODES).length
const CURRENCIES_EXPECTED = 1

const BY_CODE = sortOf('LedgerAccount', 'code')
const NEWEST_FIRST = sortOf('JournalEntry', 'postedAt')

const LedgerAccountType = enumRef('LedgerAccountType', 'The kind of an account.')

const JournalEntryKind = enumRef('JournalEntryKind', 'REVERSAL: negates another entry, posting by posting.')

const PostingSide = builder.enumType('PostingSide', {
  description: 'The side of an account.',
  values: describedValues({ DEBIT: 'The left side.', CREDIT: 'The right side.' }),
})

LedgerAccount.implement({
  description: 'An account of the ledger, in one currency.',
  interfaces: [Node],
  extensions: { model: 'LedgerAccount', permission: 'ledger:read' },
  fields: (t) => ({
    id: t.id(idField('LedgerAccount')),
    code: t.exposeString('code', { description: 'Its number in the chart of accounts, such as 4010.' }),
    name: t.exposeString('name'),
    type: t.expose('type', { type: LedgerAccountType }),
    currency: t.expose('currency', { type: 'Currency' }),
    balance: t.field({
      type: MoneyType,
      description: 'Debits less credits of all its postings; negative for revenue.',
      extensions: { ...projection({ columns: ['id', 'currency'] }).extensions, cost: BALANCE_COST },
      resolve: async ({ id, currency }, _args, context) => {
        const load = (ids: string[]) => accountBalances(context.db, ids)
        return { amountMinor: (await loadTogether(context, accountBalances, id, load)) ?? 0n, currency }
      },
    }),
    postings: relationListField(
      t,
      PostingConnection,
      { model: 'LedgerAccount', relation: 'postings', sort: 'postedAt' },
      'Its postings, latest first.',
    ),
  }),
})

/** The source types that are types of the API. */
const SOURCE_NODES = ['Payment', 'Refund', 'JournalEntry'] as const

const JournalEntrySource = builder
  .objectRef<{ readonly type: string; readonly id: string }>('JournalEntrySource')
  .implement({
    description: 'The business event that an entry records.',
    fields: (t) => ({
      type: t.exposeString('type', { description: 'The kind of object, such as Payment.' }),
      sourceId: t.exposeID('id', {
        description:
          "An id for `node` where its type is a type of the API; otherwise the id from outside, such as a provider's.",
      }),
      node: nodeLink(t, ({ id }) => id),
    }),
  })

function sourceOf({ sourceType: type, sourceId }: Pick<EntryRow, 'sourceType' | 'sourceId'>): {
  type: string
  id: string
} {
  const name = isUuid(sourceId) ? SOURCE_NODES.find((node) => node === type) : undefined
  return { type, id: name === undefined ? sourceId : nodeId(name, sourceId) }
}

/** The entries of a source, by the id that `sourceOf` returns. */
function ofSource(id: string): ReadWhere<'JournalEntry'> {
  for (const sourceType of SOURCE_NODES) {
    const sourceId = nodeUuid(sourceType, id)
    if (sourceId !== NO_ID) return { sourceType, sourceId }
  }
  return { sourceId: id }
}

JournalEntry.implement({
  description:
    'A business event in the ledger: postings whose sum is zero. It never changes; another entry may reverse it.',
  interfaces: [Node],
  extensions: { model: 'JournalEntry', permission: 'ledger:read' },
  fields: (t) => ({
    id: t.id(idField('JournalEntry')),
    kind: t.expose('kind', { type: JournalEntryKind }),
    description: t.exposeString('description', textBytes(NOTE_BYTES)),
    postedAt: t.expose('postedAt', { type: 'DateTime' }),
    source: t.field({
      description: 'What it was booked for.',
      type: JournalEntrySource,
      ...computed('JournalEntry', ['sourceType', 'sourceId'], sourceOf),
    }),
    postings: relationListField(
      t,
      PostingConnection,
      { model: 'JournalEntry', relation: 'postings', sort: 'position' },
      'Its debits and credits, in order.',
    ),
    reverses: t.field({
      type: JournalEntry,
      nullable: true,
      description: 'The entry that it reverses.',
      ...projection({ one: 'reverses' }),
      resolve: (entry, _args, context, info) => relation<EntryRow | null>(entry, 'reverses', context, info),
    }),
    reversedBy: t.field({
      type: JournalEntry,
      nullable: true,
      description: 'The entry that reverses it.',
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
    id: t.id(idField('Posting')),
    amount: t.field({
      description: 'Positive for a debit, negative for a credit.',
      ...moneyField('Posting', 'amountMinor', 'currency'),
    }),
    side: t.field({
      description: 'Whether it is a debit or a credit.',
      type: PostingSide,
      ...computed('Posting', ['amountMinor'], ({ amountMinor }) => (amountMinor > 0n ? 'DEBIT' : 'CREDIT')),
    }),
    postedAt: t.expose('postedAt', { type: 'DateTime' }),
    runningBalance: t.field({
      type: MoneyType,
      description: "The account's balance after it: the sum of the postings up to it, by time.",
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
  description: 'The debits and credits of one account.',
  extensions: { permission: 'ledger:read' },
  fields: (t) => ({
    account: t.field({
      description: 'The account.',
      type: LedgerAccount,
      resolve: async ({ accountId }, _args, context, info) => {
        const wanted = { model: 'LedgerAccount', by: 'id', value: accountId } as const
        const account = await readTogether<AccountRow>(context, info, wanted)
        // Accounts are never deleted.
        if (account === null) throw new Error(`account ${accountId} is gone`)
        return account
      },
    }),
    debit: t.expose('debit', { description: 'The sum of its debits.', type: MoneyType }),
    credit: t.expose('credit', { description: 'The sum of its credits.', type: MoneyType }),
    balance: t.expose('balance', { type: MoneyType, description: 'Debits less credits.' }),
  }),
})

const TrialBalanceTotalType = builder.objectRef<TrialBalanceTotal>('TrialBalanceTotal').implement({
  description: 'The sums of all accounts in one currency.',
  extensions: { isValue: true },
  fields: (t) => ({
    currency: t.expose('currency', { type: 'Currency' }),
    debit: t.expose('debit', { description: 'The sum of all debits.', type: MoneyType }),
    credit: t.expose('credit', {
      description: 'The sum of all credits: equal to that of the debits.',
      type: MoneyType,
    }),
  }),
})

const TrialBalanceType = builder.objectRef<TrialBalance>('TrialBalance').implement({
  description: 'The trial balance: the debits and credits of all accounts.',
  extensions: { permission: 'ledger:read' },
  fields: (t) => ({
    asOf: t.expose('asOf', { description: 'Until when postings are counted.', type: 'DateTime' }),
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
      description: 'In each currency debits equal credits.',
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
    sourceId: t.id({ description: "The source of the entries: an entry's `source { sourceId }`." }),
    ...spanFields(t, 'posted', 'Posted'),
  }),
})

function entryFilter(
  filter: typeof JournalEntryFilter.$inferInput | null | undefined,
): ReadWhere<'JournalEntry'> {
  const { kind, sourceId } = filter ?? {}
  return {
    ...(kind && { kind: anyOf(kind) }),
    ...(typeof sourceId === 'string' && ofSource(sourceId)),
    ...spanOf('postedAt', 'posted', filter),
  }
}

builder.queryFields((t) => ({
  ledgerAccounts: readField(t, {
    type: LedgerAccountConnection,
    description: 'The chart of accounts, by code: the same accounts in each currency in use.',
    args: { ...pageArgs(t.arg), filter: t.arg({ type: LedgerAccountFilter }) },
    read: ({ filter, ...paging }) => {
      const where = {
        ...(typeof filter?.currency === 'string' && { currency: filter.currency }),
        ...(filter?.type && { type: anyOf(filter.type) }),
      }
      return page({ where, sort: BY_CODE }, paging)
    },
  }),
  journalEntries: readField(t, {
    type: JournalEntryConnection,
    description: 'All entries of the ledger, latest first.',
    args: { ...pageArgs(t.arg), filter: t.arg({ type: JournalEntryFilter }) },
    read: ({ filter, ...paging }) => page({ where: entryFilter(filter), sort: NEWEST_FIRST }, paging),
  }),
  trialBalance: t.field({
    type: TrialBalanceType,
    description: 'The balance of each account at an instant. Default: now.',
    extensions: { cost: TRIAL_BALANCE_COST },
    args: { asOf: t.arg({ type: 'DateTime', description: 'The instant, inclusive.' }) },
    resolve: (_root, { asOf }, { db, caller }) => trialBalance(db, asOf ?? caller.clock()),
  }),
}))
