// A webhook endpoint that stores its deliveries, and answers as configured.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Stripe from 'stripe'
import type { Merchant } from './merchant.ts'

interface Received {
  rawBody: string
  signature: string
  event: Stripe.Event
}

export interface Receiver {
  url: string
  /** In order of arrival. */
  received: Received[]
  /** The next answers, one after the other; afterwards 200. Null: no answer. */
  answers: (number | null)[]
  types(): string[]
  close(): Promise<void>
}

export async function startReceiver(): Promise<Receiver> {
  const received: Received[] = []
  const answers: (number | null)[] = []
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const rawBody = Buffer.concat(chunks).toString()
      const signature = String(request.headers['stripe-signature'])
      received.push({ rawBody, signature, event: JSON.parse(rawBody) as Stripe.Event })
      const status = answers.length > 0 ? answers.shift() : 200
      if (status != null) response.writeHead(status, { location: '/elsewhere' }).end()
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}/hooks`,
    received,
    answers,
    types: () => received.map(({ event }) => event.type),
    async close() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

/** Subscribes the merchant to these events; returns the endpoint with its secret. */
export async function subscribe(
  { stripe }: Merchant,
  { url }: Pick<Receiver, 'url'>,
  events: Stripe.WebhookEndpointCreateParams.EnabledEvent[] = ['*'],
): Promise<{ id: string; secret: string }> {
  const { id, secret } = await stripe.webhookEndpoints.create({ url, enabled_events: events })
  if (secret === undefined) throw new Error('no secret was given')
  return { id, secret }
}

/** The event, when the signature is genuine and recent; throws otherwise. */
export function verified({ rawBody, signature }: Received, secret: string): Stripe.Event {
  return Stripe.webhooks.constructEvent(rawBody, signature, secret)
}
