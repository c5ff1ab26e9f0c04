// The possible damages of the shop in books.ts, one at a time, written as the owner role without the database's
// constraints, and the expected result of each check.
import type { OwnerQuery } from '../../../src/db/owner.ts'
import { type SubjectType, subject } from '../../../src/integrity/check.ts'
import type { Books, OrderName } from './books.ts'

const idOf = (type: SubjectType, uuid: string) => subject(type, uuid).id
export const orderId = (books: Books, name: OrderName) => books.orders[name].id
const paymentOf = (books: Books, name: OrderName, n = 0) => {
  const payment = books.orders[name].payments[n]
  if (payment === undefined) throw new Error(`${name} has no payment ${n}`)
  return payment
}
const refundOf = (books: Books, name: OrderName, n: number) => paymentOf(books, name).refunds[n] ?? ''

const disputeOf = (books: Books, n: number) => paymentOf(books, 'disputed').disputes[n] ?? ''

async function entryOf(query: OwnerQuery, kind: string, sourceId: string): Promise<string> {
  const [entry] = await query<{ id: string }>(
    'SELECT id FROM journal_entries WHERE kind = $1::journal_entry_kind AND source_id = $2',
    [kind, sourceId],
  )
  if (entry === undefined) throw new Error(`there is no ${kind} of ${sourceId}`)
  return entry.id
}

async function reversalOf(query: OwnerQuery, refundId: string): Promise<string> {
  return await entryOf(query, 'REVERSAL', await entryOf(query, 'REFUND', refundId))
}

/** Duplicates an entry with its postings. */
async function doubleEntry(query: OwnerQuery, entryId: string): Promise<string> {
  const [copy] = await query<{ id: string }>(
    `INSERT INTO journal_entries (id, kind, source_type, source_id, posting_count, posted_at)
     SELECT gen_random_uuid(), kind, source_type, source_id, posting_count, posted_at FROM journal_entries WHERE id = $1
     RETURNING id`,
    [entryId],
  )
  await query(
    `INSERT INTO postings (id, entry_id, position, account_id, currency, amount_minor, posted_at)
     SELECT gen_random_uuid(), $2, position, account_id, currency, amount_minor, posted_at FROM postings WHERE entry_id = $1`,
    [entryId, copy?.id],
  )
  return copy?.id ?? ''
}

async function dropEntry(query: OwnerQuery, entryId: string): Promise<void> {
  await query('DELETE FROM postings WHERE entry_id = $1', [entryId])
  await query('DELETE FROM journal_entries WHERE id = $1', [entryId])
}

export type Damage = {
  /** `check: what`. */
  name: string
  /** Damages the tenant's rows; returns the expected violations of each check. */
  inflict: (query: OwnerQuery, books: Books) => Promise<Record<string, string[]>>
}

export const DAMAGES: Damage[] = [
  {
    name: 'ledger-balanced: an amount was changed in both postings, and in one of them once more',
    async inflict(query, books) {
      const entry = await entryOf(query, 'FEE', paymentOf(books, 'paid').id)
      await query(
        'UPDATE postings SET amount_minor = amount_minor + 1 WHERE entry_id = $1 AND position = 0',
        [entry],
      )
      const id = idOf('JournalEntry', entry)
      const payment = idOf('Payment', paymentOf(books, 'paid').id)
      return { 'ledger-balanced': ['', id], 'payments-posted': [`${payment} ${id}`] }
    },
  },
  {
    name: 'ledger-balanced: an entry that balances has a posting more than it says',
    async inflict(query, books) {
      const entry = await entryOf(query, 'SALE', paymentOf(books, 'paid').id)
      await query(
        `UPDATE postings SET amount_minor = amount_minor - 5 WHERE entry_id = $1 AND position = 0`,
        [entry],
      )
      await query(
        `INSERT INTO postings (id, entry_id, position, account_id, currency, amount_minor, posted_at)
         SELECT gen_random_uuid(), entry_id, 2, account_id, currency, 5, posted_at FROM postings
         WHERE entry_id = $1 AND position = 0`,
        [entry],
      )
      return { 'ledger-balanced': [idOf('JournalEntry', entry)] }
    },
  },
  {
    name: 'ledger-balanced: an entry lost its postings',
    async inflict(query, books) {
      const refund = refundOf(books, 'fulfilled', 0)
      const entry = await entryOf(query, 'REFUND', refund)
      await query('DELETE FROM postings WHERE entry_id = $1', [entry])
      return {
        'ledger-balanced': [idOf('JournalEntry', entry)],
        'refunds-posted': [`${idOf('Refund', refund)} ${idOf('JournalEntry', entry)}`],
      }
    },
  },
  {
    name: 'ledger-balanced: a posting is of another time than its entry',
    async inflict(query, books) {
      const entry = await entryOf(query, 'SALE', paymentOf(books, 'paid').id)
      await query(
        `UPDATE postings SET posted_at = posted_at - interval '1 day' WHERE entry_id = $1 AND position = 1`,
        [entry],
      )
      return { 'ledger-balanced': [idOf('JournalEntry', entry)] }
    },
  },
  {
    name: 'ledger-balanced: two currencies make up for each other',
    async inflict(query, books) {
      const entry = await entryOf(query, 'SALE', paymentOf(books, 'paid').id)
      await query(
        `INSERT INTO ledger_accounts (id, code, name, type, currency)
         SELECT gen_random_uuid(), code, name, type, 'EUR' FROM ledger_accounts WHERE code = '4010'`,
      )
      await query(
        `UPDATE postings SET (account_id, currency) = (SELECT id, currency FROM ledger_accounts WHERE currency = 'EUR')
         WHERE entry_id = $1 AND position = 1`,
        [entry],
      )
      const id = idOf('JournalEntry', entry)
      const payment = idOf('Payment', paymentOf(books, 'paid').id)
      return { 'ledger-balanced': ['', '', id, id], 'payments-posted': [`${payment} ${id}`] }
    },
  },
  {
    name: 'ledger-balanced: a reversal undoes less than it reverses',
    async inflict(query, books) {
      const entry = await reversalOf(query, refundOf(books, 'sentBack', 0))
      await query('UPDATE postings SET amount_minor = amount_minor / 7 WHERE entry_id = $1', [entry])
      const id = idOf('JournalEntry', entry)
      return { 'ledger-balanced': [id, id] }
    },
  },
  {
    name: 'orders-total: the total was changed',
    async inflict(query, books) {
      const id = orderId(books, 'placed')
      await query('UPDATE orders SET total_minor = total_minor - 1 WHERE id = $1', [id])
      return { 'orders-total': [idOf('Order', id)] }
    },
  },
  {
    name: 'orders-total: a line was lost',
    async inflict(query, books) {
      const id = orderId(books, 'cancelled')
      await query('DELETE FROM order_lines WHERE order_id = $1', [id])
      return { 'orders-total': [idOf('Order', id)] }
    },
  },
  {
    name: 'orders-total: a line is not its price times its quantity',
    async inflict(query, books) {
      const id = orderId(books, 'declined')
      await query('UPDATE order_lines SET unit_price_minor = unit_price_minor + 1 WHERE order_id = $1', [id])
      return { 'orders-total': [idOf('Order', id)] }
    },
  },
  {
    name: 'orders-total: a line is in another currency',
    async inflict(query, books) {
      const id = orderId(books, 'paid')
      await query(`UPDATE order_lines SET currency = 'EUR' WHERE order_id = $1`, [id])
      return { 'orders-total': [idOf('Order', id)] }
    },
  },
  {
    name: 'refunds-lines: a line says that a piece was refunded',
    async inflict(query, books) {
      const id = orderId(books, 'fulfilled')
      await query('UPDATE order_lines SET refunded_quantity = 1 WHERE order_id = $1', [id])
      return { 'refunds-lines': [idOf('Order', id)] }
    },
  },
  {
    name: 'refunds-lines: a line says that a piece was put back into stock',
    async inflict(query, books) {
      const id = orderId(books, 'fulfilled')
      await query('UPDATE order_lines SET restocked_quantity = 1 WHERE order_id = $1', [id])
      return { 'refunds-lines': [idOf('Order', id)] }
    },
  },
  {
    name: 'refunds-lines: a failed refund is for a line of another order',
    async inflict(query, books) {
      await query(
        `INSERT INTO refund_lines (id, refund_id, position, line_id, quantity)
         SELECT gen_random_uuid(), $1, 0, id, 1 FROM order_lines WHERE order_id = $2`,
        [refundOf(books, 'sentBack', 0), orderId(books, 'paid')],
      )
      return { 'refunds-lines': [idOf('Order', orderId(books, 'sentBack'))] }
    },
  },
  {
    name: 'orders-paid: an order says that more was paid',
    async inflict(query, books) {
      const id = orderId(books, 'partlyPaid')
      await query('UPDATE orders SET paid_minor = paid_minor + 100 WHERE id = $1', [id])
      return { 'orders-paid': [idOf('Order', id)] }
    },
  },
  {
    name: 'orders-paid: an order says that less was refunded',
    async inflict(query, books) {
      const id = orderId(books, 'partlyRefunded')
      await query('UPDATE orders SET refunded_minor = refunded_minor - 1 WHERE id = $1', [id])
      return { 'orders-paid': [idOf('Order', id)] }
    },
  },
  ...(
    [
      ['placed', 'PENDING'],
      ['waiting', 'UNPAID'],
      ['unheard', 'UNPAID'],
      ['declined', 'PENDING'],
      ['partlyPaid', 'PAID'],
      ['paid', 'PARTIALLY_PAID'],
      ['partlyRefunded', 'REFUNDED'],
      ['fulfilled', 'PARTIALLY_REFUNDED'],
      ['sentBack', 'REFUNDED'],
      ['paidAnew', 'PARTIALLY_REFUNDED'],
      ['givenBack', 'PARTIALLY_PAID'],
    ] as const
  ).map(
    ([name, status]): Damage => ({
      name: `orders-paid: an order that is ${name} calls its payment ${status}`,
      async inflict(query, books) {
        const id = orderId(books, name)
        await query('UPDATE orders SET payment_status = $2::order_payment_status WHERE id = $1', [id, status])
        return { 'orders-paid': [idOf('Order', id)] }
      },
    }),
  ),
  ...(
    [
      ['placed', 'PAID'],
      ['partlyPaid', 'PAID'],
      ['paid', 'PLACED'],
      ['paid', 'CANCELLED'],
      // A sum other than the kept one would count it as paid: 1,200 were captured, and 1,200 refunded.
      ['givenBack', 'PAID'],
      ['givenBack', 'CANCELLED'],
      ['paidAnew', 'PLACED'],
    ] as const
  ).map(
    ([name, status]): Damage => ({
      name: `orders-paid: an order that is ${name} calls itself ${status}`,
      async inflict(query, books) {
        const id = orderId(books, name)
        await query('UPDATE orders SET status = $2::order_status WHERE id = $1', [id, status])
        return { 'orders-paid': [idOf('Order', id)] }
      },
    }),
  ),
  ...(['refund_pending_minor', 'reduced_minor', 'returned_minor', 'charged_back_minor'] as const).map(
    (column): Damage => ({
      name: `orders-paid: an order says more in ${column}`,
      async inflict(query, books) {
        const id = orderId(books, 'partlyRefunded')
        await query(`UPDATE orders SET ${column} = ${column} + 1 WHERE id = $1`, [id])
        return { 'orders-paid': [idOf('Order', id)] }
      },
    }),
  ),
  {
    name: 'payments-refunds: a payment says that more was refunded, and so does its order',
    async inflict(query, books) {
      const { id } = paymentOf(books, 'paid')
      await query('UPDATE payments SET refunded_minor = 10 WHERE id = $1', [id])
      await query(
        `UPDATE orders SET refunded_minor = 10, payment_status = 'PARTIALLY_REFUNDED' WHERE id = $1`,
        [orderId(books, 'paid')],
      )
      // No refund accounts for it, so it was not refunded after all was paid: neither state is right.
      const order = idOf('Order', orderId(books, 'paid'))
      return { 'orders-paid': [order, order], 'payments-refunds': [idOf('Payment', id)] }
    },
  },
  {
    name: 'payments-refunds: a payment has forgotten what is being refunded',
    async inflict(query, books) {
      const { id } = paymentOf(books, 'partlyRefunded')
      await query('UPDATE payments SET refund_pending_minor = 200 WHERE id = $1', [id])
      return { 'payments-refunds': [idOf('Payment', id)] }
    },
  },
  {
    name: 'payments-refunds: a refund was lost, with its entry',
    async inflict(query, books) {
      const { id } = paymentOf(books, 'partlyRefunded')
      const refund = refundOf(books, 'partlyRefunded', 0)
      await dropEntry(query, await entryOf(query, 'REFUND', refund))
      await query('DELETE FROM refunds WHERE id = $1', [refund])
      const order = idOf('Order', orderId(books, 'partlyRefunded'))
      return { 'orders-paid': [order, order, order], 'payments-refunds': [idOf('Payment', id)] }
    },
  },
  {
    name: 'payments-posted: a sale was not posted',
    async inflict(query, books) {
      const { id } = paymentOf(books, 'paid')
      await dropEntry(query, await entryOf(query, 'SALE', id))
      return { 'payments-posted': [idOf('Payment', id)] }
    },
  },
  {
    name: 'payments-posted: a sale was posted twice',
    async inflict(query, books) {
      const { id } = paymentOf(books, 'paid')
      const entry = await entryOf(query, 'SALE', id)
      const entries = [entry, await doubleEntry(query, entry)].sort()
      const ids = entries.map((uuid) => idOf('JournalEntry', uuid))
      return { 'payments-posted': [[idOf('Payment', id), ...ids].join(' ')] }
    },
  },
  {
    name: 'payments-posted: a sale was posted with another amount',
    async inflict(query, books) {
      const { id } = paymentOf(books, 'paid')
      const entry = await entryOf(query, 'SALE', id)
      await query('UPDATE postings SET amount_minor = amount_minor * 2 WHERE entry_id = $1', [entry])
      return { 'payments-posted': [`${idOf('Payment', id)} ${idOf('JournalEntry', entry)}`] }
    },
  },
  {
    name: 'payments-posted: money that came by hand is booked at the provider',
    async inflict(query, books) {
      const { id } = paymentOf(books, 'fulfilled')
      const entry = await entryOf(query, 'SALE', id)
      await query(
        `UPDATE postings SET account_id = (SELECT id FROM ledger_accounts WHERE code = '1020')
         WHERE entry_id = $1 AND position = 0`,
        [entry],
      )
      return { 'payments-posted': [`${idOf('Payment', id)} ${idOf('JournalEntry', entry)}`] }
    },
  },
  {
    name: 'payments-posted: a payment that failed was posted',
    async inflict(query, books) {
      const { id } = paymentOf(books, 'declined')
      const copy = await doubleEntry(query, await entryOf(query, 'SALE', paymentOf(books, 'paid').id))
      await query('UPDATE journal_entries SET source_id = $2 WHERE id = $1', [copy, id])
      return { 'payments-posted': [`${idOf('Payment', id)} ${idOf('JournalEntry', copy)}`] }
    },
  },
  {
    name: 'payments-posted: a sale is of no payment at all',
    async inflict(query, books) {
      const copy = await doubleEntry(query, await entryOf(query, 'SALE', paymentOf(books, 'paid').id))
      await query(`UPDATE journal_entries SET source_type = 'Gift', source_id = 'of heaven' WHERE id = $1`, [
        copy,
      ])
      return { 'payments-posted': [idOf('JournalEntry', copy)] }
    },
  },
  {
    name: 'payments-posted: a fee is known and was not posted',
    async inflict(query, books) {
      const { id } = paymentOf(books, 'sentBack')
      await query('UPDATE payments SET fee_minor = 60 WHERE id = $1', [id])
      return { 'payments-posted': [idOf('Payment', id)] }
    },
  },
  {
    name: 'payments-posted: a fee was posted and is not known',
    async inflict(query, books) {
      const { id } = paymentOf(books, 'paid')
      await query('UPDATE payments SET fee_minor = NULL WHERE id = $1', [id])
      const entry = await entryOf(query, 'FEE', id)
      return { 'payments-posted': [`${idOf('Payment', id)} ${idOf('JournalEntry', entry)}`] }
    },
  },
  {
    name: 'sales-days: a payment says that it was settled on another day than its sale was posted',
    async inflict(query, books) {
      const { id } = paymentOf(books, 'paid')
      await query(`UPDATE payments SET settled_at = settled_at - interval '1 day' WHERE id = $1`, [id])
      const entry = await entryOf(query, 'SALE', id)
      return { 'sales-days': [`${idOf('Payment', id)} ${idOf('JournalEntry', entry)}`] }
    },
  },
  {
    name: 'refunds-posted: a refund was not posted',
    async inflict(query, books) {
      const refund = refundOf(books, 'fulfilled', 1)
      await dropEntry(query, await entryOf(query, 'REFUND', refund))
      return { 'refunds-posted': [idOf('Refund', refund)] }
    },
  },
  {
    name: 'refunds-posted: a refund was posted with another amount',
    async inflict(query, books) {
      const refund = refundOf(books, 'fulfilled', 1)
      const entry = await entryOf(query, 'REFUND', refund)
      await query('UPDATE postings SET amount_minor = amount_minor / 2 WHERE entry_id = $1', [entry])
      return { 'refunds-posted': [`${idOf('Refund', refund)} ${idOf('JournalEntry', entry)}`] }
    },
  },
  {
    name: 'refunds-posted: the bank sent a refund back, and its entry was not reversed',
    async inflict(query, books) {
      const refund = refundOf(books, 'sentBack', 0)
      await dropEntry(query, await reversalOf(query, refund))
      const entry = await entryOf(query, 'REFUND', refund)
      return { 'refunds-posted': [`${idOf('Refund', refund)} ${idOf('JournalEntry', entry)}`] }
    },
  },
  {
    name: 'refunds-posted: a refund under way was posted already',
    async inflict(query, books) {
      const refund = refundOf(books, 'partlyRefunded', 1)
      const copy = await doubleEntry(
        query,
        await entryOf(query, 'REFUND', refundOf(books, 'partlyRefunded', 0)),
      )
      await query('UPDATE journal_entries SET source_id = $2 WHERE id = $1', [copy, refund])
      return { 'refunds-posted': [`${idOf('Refund', refund)} ${idOf('JournalEntry', copy)}`] }
    },
  },
  {
    name: 'payments-disputes: a payment has forgotten what the bank took',
    async inflict(query, books) {
      const { id } = paymentOf(books, 'disputed')
      await query('UPDATE payments SET charged_back_minor = 0 WHERE id = $1', [id])
      const order = idOf('Order', orderId(books, 'disputed'))
      return { 'orders-paid': [order, order], 'payments-disputes': [idOf('Payment', id)] }
    },
  },
  {
    name: 'orders-paid: what the bank gave back was never given back',
    async inflict(query, books) {
      const id = orderId(books, 'disputed')
      await query('UPDATE orders SET returned_minor = 0 WHERE id = $1', [id])
      return { 'orders-paid': [idOf('Order', id)] }
    },
  },
  {
    name: 'disputes-posted: a withdrawal was not posted',
    async inflict(query, books) {
      const dispute = disputeOf(books, 0)
      await dropEntry(query, await entryOf(query, 'DISPUTE', `txn_${dispute}_out`))
      return { 'disputes-posted': [idOf('Dispute', dispute)] }
    },
  },
  {
    name: 'disputes-posted: a withdrawal was posted with another amount',
    async inflict(query, books) {
      const dispute = disputeOf(books, 0)
      const entry = await entryOf(query, 'DISPUTE', `txn_${dispute}_out`)
      await query('UPDATE postings SET amount_minor = amount_minor * 2 WHERE entry_id = $1', [entry])
      return { 'disputes-posted': [idOf('Dispute', dispute)] }
    },
  },
  {
    name: 'disputes-posted: a reinstatement is booked as a sale',
    async inflict(query, books) {
      const entry = await entryOf(query, 'DISPUTE', `txn_${disputeOf(books, 1)}_back`)
      await query(
        `UPDATE postings SET account_id = (SELECT id FROM ledger_accounts WHERE code = '4010')
         WHERE entry_id = $1 AND account_id = (SELECT id FROM ledger_accounts WHERE code = '5020')`,
        [entry],
      )
      return { 'disputes-posted': [idOf('Dispute', disputeOf(books, 1)), idOf('JournalEntry', entry)] }
    },
  },
  {
    name: 'disputes-posted: a movement is of no dispute',
    async inflict(query, books) {
      const [out, back] = [0, 1].map((n) => `txn_${disputeOf(books, n)}_${['out', 'back'][n]}`)
      const copy = await doubleEntry(query, await entryOf(query, 'DISPUTE', back ?? ''))
      await query('UPDATE journal_entries SET source_id = $2 WHERE id = $1', [copy, `${out} again`])
      return { 'disputes-posted': [idOf('JournalEntry', copy)] }
    },
  },
  {
    name: 'stock-movements: a piece on hand came out of nowhere',
    async inflict(query, { variant }) {
      await query('UPDATE stock_levels SET on_hand = on_hand + 1 WHERE variant_id = $1', [variant])
      return { 'stock-movements': [idOf('Variant', variant)] }
    },
  },
  {
    name: 'stock-movements: a level without movements is not zero',
    async inflict(query, { untouched }) {
      await query('UPDATE stock_levels SET on_hand = 3 WHERE variant_id = $1', [untouched])
      return { 'stock-movements': [idOf('Variant', untouched)] }
    },
  },
  {
    name: 'stock-movements: a level was lost',
    async inflict(query, { variant }) {
      await query('DELETE FROM stock_levels WHERE variant_id = $1', [variant])
      return {
        'stock-movements': [idOf('Variant', variant)],
        'stock-reserved': [idOf('Variant', variant)],
      }
    },
  },
  {
    name: 'stock-reserved: a reservation was released behind its order’s back',
    async inflict(query, { variant, orders }) {
      await query('UPDATE stock_levels SET reserved = reserved - 2 WHERE variant_id = $1', [variant])
      await query(
        `INSERT INTO stock_movements (id, variant_id, reason, on_hand_delta, reserved_delta, order_id)
         VALUES (gen_random_uuid(), $1, 'RELEASE', 0, -2, $2)`,
        [variant, orders.placed.id],
      )
      return { 'stock-reserved': [idOf('Variant', variant)] }
    },
  },
  {
    name: 'stock-reserved: an order that let go of its stock says that it holds it',
    async inflict(query, books) {
      await query('UPDATE orders SET holds_stock = true WHERE id = $1', [orderId(books, 'declined')])
      return { 'stock-reserved': [idOf('Variant', books.variant)] }
    },
  },
  {
    name: 'stuck-payments: payments and refunds have waited for more than a day',
    async inflict(query, books) {
      const payments = [paymentOf(books, 'waiting').id, paymentOf(books, 'unheard').id]
      const refunds = [
        refundOf(books, 'partlyRefunded', 1),
        refundOf(books, 'partlyRefunded', 2),
        refundOf(books, 'givenBack', 1),
      ]
      await query(`UPDATE payments SET created_at = created_at - interval '25 hours'`)
      await query(`UPDATE refunds SET created_at = created_at - interval '25 hours'`)
      const ids = [...payments.map((id) => idOf('Payment', id)), ...refunds.map((id) => idOf('Refund', id))]
      return { 'stuck-payments': ids.sort() }
    },
  },
  {
    name: 'provider-events: an event failed',
    async inflict(query, { providerId }) {
      const events = await query<{ id: string; status: string }>(
        `INSERT INTO provider_events (id, provider_id, reference, type, status, body, error, occurred_at)
         SELECT gen_random_uuid(), $1, 'evt_' || status, 'charge.updated', status::provider_event_status, '{}', 'why', now()
         FROM unnest(ARRAY['PROCESSED', 'IGNORED', 'FAILED']) AS s (status) RETURNING id, status`,
        [providerId],
      )
      const failed = events.filter(({ status }) => status === 'FAILED')
      return { 'provider-events': failed.map(({ id }) => idOf('ProviderEvent', id)) }
    },
  },
]
