// Placing an order in `typical`: one interactive transaction of Prisma's operations, as its documentation teaches, and
// SQL only for the reservation, whose condition Prisma cannot express.
import type { Customer, Prisma, PrismaClient } from '../.data/generated/client/client.ts'
import type { Context } from './typical-schema.ts'

type Input = {
  readonly idempotencyKey: string
  readonly customerId: string
  readonly lines: readonly { readonly variantId: string; readonly quantity: number }[]
}
type Refusal = { field: string[]; message: string; code: string }
type Placed = { readonly order: unknown; readonly refusal: Refusal | null }

const OPERATION = 'orderPlace'
const HOLD_MS = 86_400_000

class Refused extends Error {
  readonly refusal: Refusal
  constructor(refusal: Refusal) {
    super(refusal.message)
    this.refusal = refusal
  }
}

/** Places the order, and returns it as read by `query`. The same key returns the same order. */
export async function placeOrder(
  prisma: PrismaClient,
  { tenantId, memberId, email, requestId }: Context,
  input: Input,
  fingerprint: Uint8Array<ArrayBuffer>,
  query: object,
): Promise<Placed> {
  try {
    const order = await prisma.$transaction(async (tx) => {
      await tx.$executeRaw`SELECT set_config('app.tenant_id', ${tenantId}, TRUE), set_config('app.permissions', '*', TRUE)`
      const known = await knownOrder(tx, tenantId, input.idempotencyKey, fingerprint)
      if (known !== null) return await tx.order.findFirst({ ...query, where: { tenantId, id: known } })
      const customer = await findCustomer(tx, tenantId, input.customerId)
      const lines = await pricedLines(tx, input)
      for (const { variantId, quantity } of lines.toSorted(byVariant)) await reserve(tx, variantId, quantity)
      const order = await create(tx, tenantId, customer, lines, query)
      const made = {
        number: order.number,
        status: order.status,
        totalMinor: order.totalMinor.toString(),
        currency: order.currency,
      }
      const subject = { subjectType: 'Order', subjectId: order.id }
      await tx.auditEntry.create({
        data: {
          ...subject,
          actorKind: 'MEMBER',
          actorId: memberId,
          actorLabel: email,
          action: OPERATION,
          after: { ...made, customerId: input.customerId },
          requestId,
        },
      })
      await tx.outboxEvent.create({ data: { ...subject, type: 'order.placed', payload: made } })
      await tx.idempotencyKey.create({
        data: {
          operation: OPERATION,
          key: input.idempotencyKey,
          fingerprint,
          outcome: { id: order.id, userErrors: [] },
          actorKind: 'MEMBER',
          actorId: memberId,
        },
      })
      return order
    })
    return { order, refusal: null }
  } catch (error) {
    if (error instanceof Refused) return { order: null, refusal: error.refusal }
    throw error
  }
}

async function knownOrder(
  tx: Prisma.TransactionClient,
  tenantId: string,
  key: string,
  fingerprint: Uint8Array,
): Promise<string | null> {
  const known = await tx.idempotencyKey.findUnique({
    where: { tenantId_operation_key: { tenantId, operation: OPERATION, key } },
  })
  if (known === null) return null
  if (!Buffer.from(known.fingerprint).equals(fingerprint))
    throw new Refused({
      field: ['idempotencyKey'],
      message: 'this key belongs to another input',
      code: 'KEY_REUSED',
    })
  return (known.outcome as { id: string }).id
}

async function findCustomer(tx: Prisma.TransactionClient, tenantId: string, id: string): Promise<Customer> {
  const customer = await tx.customer.findUnique({ where: { tenantId_id: { tenantId, id } } })
  if (customer !== null) return customer
  throw new Refused({ field: ['customerId'], message: 'there is no such customer', code: 'NOT_FOUND' })
}

type PricedLine = Awaited<ReturnType<typeof pricedLines>>[number]

async function pricedLines(tx: Prisma.TransactionClient, input: Input) {
  const variants = await tx.variant.findMany({
    where: { id: { in: input.lines.map(({ variantId }) => variantId) } },
    include: { product: true },
  })
  return input.lines.map(({ variantId, quantity }, index) => {
    const variant = variants.find(({ id }) => id === variantId)
    if (variant === undefined || variant.product.status !== 'ACTIVE')
      throw new Refused({
        field: ['lines', String(index)],
        message: 'there is no such variant',
        code: 'NOT_FOUND',
      })
    return { variant, variantId, quantity, totalMinor: variant.priceMinor * BigInt(quantity) }
  })
}

async function reserve(tx: Prisma.TransactionClient, variantId: string, quantity: number): Promise<void> {
  const reserved = await tx.$executeRaw`
    UPDATE stock_levels SET reserved = reserved + ${quantity}
    WHERE variant_id = ${variantId}::uuid AND on_hand - reserved >= ${quantity}`
  if (reserved === 0) throw new Refused({ field: ['lines'], message: 'sold out', code: 'STOCK_INSUFFICIENT' })
}

async function create(
  tx: Prisma.TransactionClient,
  tenantId: string,
  customer: Customer,
  lines: readonly PricedLine[],
  query: object,
) {
  const { value: number } = await tx.tenantCounter.update({
    where: { tenantId_name: { tenantId, name: 'order' } },
    data: { value: { increment: 1 } },
  })
  return await tx.order.create({
    ...query,
    data: {
      number,
      customerId: customer.id,
      ...copiesOf(customer),
      holdExpiresAt: new Date(Date.now() + HOLD_MS),
      currency: lines[0]?.variant.currency ?? '',
      totalMinor: lines.reduce((sum, { totalMinor }) => sum + totalMinor, 0n),
      lines: {
        createMany: {
          data: lines.map(({ variant, variantId, quantity, totalMinor }, index) => ({
            position: index + 1,
            variantId,
            sku: variant.sku,
            title: variant.product.title,
            quantity,
            currency: variant.currency,
            unitPriceMinor: variant.priceMinor,
            totalMinor,
          })),
        },
      },
      movements: {
        createMany: {
          data: lines.map(({ variantId, quantity }) => ({
            variantId,
            reason: 'RESERVATION' as const,
            onHandDelta: 0,
            reservedDelta: quantity,
          })),
        },
      },
    },
  })
}

/** What an order keeps of its customer. */
function copiesOf(customer: Customer) {
  const { name, email, phone, addressLine1: line1, addressLine2: line2, city, postalCode, country } = customer
  const address = { name, line1, line2, city, postalCode, country }
  return { buyer: { name, email, phone }, shippingAddress: address, billingAddress: address }
}

function byVariant(left: PricedLine, right: PricedLine): number {
  return left.variantId < right.variantId ? -1 : 1
}
