// The sandbox as a process: what survives a SIGKILL, its start and end, and its errors.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterEach, describe, expect, it } from 'vitest'
import { findRunningSandbox, startSandbox } from '../../../src/shop/sandbox/start-sandbox.ts'
import { eventually } from '../../support/eventually.ts'
import { charged, errorOf, newMerchant } from './merchant.ts'
import { type OwnSandbox, startOwnSandbox } from './own-sandbox.ts'
import { startReceiver, subscribe, verified } from './receiver.ts'

const MAIN = fileURLToPath(new URL('../../../src/shop/sandbox/main.ts', import.meta.url))

const opened: OwnSandbox[] = []
async function ownSandbox(): Promise<OwnSandbox> {
  const sandbox = await startOwnSandbox()
  opened.push(sandbox)
  return sandbox
}
afterEach(async () => {
  for (const sandbox of opened.splice(0)) await sandbox.close()
})

describe('after a SIGKILL', () => {
  it('in the middle of 50 charges, every one that was answered is there, and a retry of all makes each once', async () => {
    const sandbox = await ownSandbox()
    const { stripe } = newMerchant(sandbox.url)
    const numbers = Array.from({ length: 50 }, (_, index) => index)
    const answered = new Map<number, string>()
    let killed: Promise<void> | undefined
    const pay = async (number: number) => {
      const params = charged({ amount: 1_000 + number, metadata: { number } })
      const { id } = await stripe.paymentIntents.create(params, { idempotencyKey: `charge-${number}` })
      return id
    }
    let isKilled: () => void = () => {}
    const killing = new Promise<void>((resolve) => {
      isKilled = resolve
    })
    await Promise.allSettled(
      numbers.map(async (number) => {
        // Those that begin only now are not answered, however fast the others were.
        if (number >= 40) await killing
        answered.set(number, await pay(number))
        if (answered.size === 20) {
          killed = sandbox.kill()
          isKilled()
        }
      }),
    )
    await killed
    expect(answered.size).toBeGreaterThanOrEqual(20)
    expect(answered.size).toBeLessThan(50)
    await sandbox.restart()

    const booked = async () => {
      const found: [number, string][] = []
      for await (const { id, status, metadata } of stripe.paymentIntents.list({ limit: 100 })) {
        expect(status).toBe('succeeded')
        found.push([Number(metadata.number), id])
      }
      return found.toSorted(([one], [two]) => one - two)
    }
    const survived = await booked()
    expect(new Set(survived.map(([number]) => number)).size).toBe(survived.length)
    for (const [number, id] of answered) expect(survived).toContainEqual([number, id])

    const retried = await Promise.all(
      numbers.map(async (number): Promise<[number, string]> => [number, await pay(number)]),
    )
    for (const [number, id] of survived) expect(retried).toContainEqual([number, id])
    expect(await booked()).toEqual(retried)
    const net = numbers.reduce((sum, number) => sum + 970 + number - Math.round((1_000 + number) * 0.029), 0)
    expect((await stripe.balance.retrieve()).available).toMatchObject([{ currency: 'usd', amount: net }])
    expect((await stripe.events.list({ type: 'charge.succeeded', limit: 100 })).data).toHaveLength(50)
  })

  it('keys are answered as before, declines too, and refused for another input', async () => {
    const sandbox = await ownSandbox()
    const { stripe, send } = newMerchant(sandbox.url)
    const form = { amount: '2000', currency: 'usd', payment_method: 'pm_card_visa', confirm: 'true' }
    const before = await (await send('POST', 'payment_intents', { form, key: 'k' })).text()
    const decline = () =>
      errorOf(
        stripe.paymentIntents.create(charged({ payment_method: 'pm_card_chargeDeclined' }), {
          idempotencyKey: 'declined',
        }),
      )
    const { payment_intent } = await decline()
    await sandbox.kill()
    await sandbox.restart()
    const after = await send('POST', 'payment_intents', { form, key: 'k' })
    expect(await after.text()).toBe(before)
    expect(after.headers.get('idempotent-replayed')).toBe('true')
    expect((await decline()).payment_intent?.id).toBe(payment_intent?.id)
    const other = await send('POST', 'payment_intents', { form: { ...form, amount: '1' }, key: 'k' })
    expect(other.status).toBe(400)
    expect((await stripe.paymentIntents.list()).data).toHaveLength(2)
  })

  it('a charge whose answer was lost is returned by its key', async () => {
    const sandbox = await ownSandbox()
    const { stripe } = newMerchant(sandbox.url)
    const params = charged({ payment_method: 'pm_card_timeout_after_charge' })
    const pay = () => stripe.paymentIntents.create(params, { idempotencyKey: 'k' })
    await errorOf(pay())
    await sandbox.kill()
    await sandbox.restart()
    expect(await pay()).toMatchObject({ status: 'succeeded' })
    expect((await stripe.charges.list()).data).toHaveLength(1)
  })

  it('a call that had not begun leaves its key unused', async () => {
    const sandbox = await ownSandbox()
    const { stripe, control, send } = newMerchant(sandbox.url)
    await control('settings', { latencyMs: 60_000 })
    const form = { amount: '2000', currency: 'usd', payment_method: 'pm_card_visa', confirm: 'true' }
    const calls = [1, 2].map(() => send('POST', 'payment_intents', { form, key: 'k' }))
    const lost = Promise.allSettled(calls)
    // One of them is refused: the other has arrived, and waits.
    expect((await Promise.race(calls)).status).toBe(409)
    await sandbox.kill()
    expect((await lost).map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    await sandbox.restart()
    await control('settings', { latencyMs: 0 })
    expect(await stripe.paymentIntents.create(charged(), { idempotencyKey: 'k' })).toMatchObject({
      status: 'succeeded',
    })
    expect((await stripe.charges.list()).data).toHaveLength(1)
  })

  it('what was processing is finished, its webhooks sent, and the settings kept', async () => {
    const sandbox = await ownSandbox()
    const receiver = await startReceiver()
    try {
      const merchant = newMerchant(sandbox.url)
      const { stripe, control } = merchant
      await control('settings', { webhooks: 'paused', processingDelayMs: 1_000 })
      const { secret } = await subscribe(merchant, receiver)
      const { id } = await stripe.paymentIntents.create(charged({ payment_method: 'pm_card_processing' }))
      await sandbox.kill()
      await sandbox.restart()
      await eventually(async () =>
        expect(await stripe.paymentIntents.retrieve(id)).toMatchObject({ status: 'succeeded' }),
      )
      expect(receiver.received).toEqual([])
      expect(await control('settings', { webhooks: 'on' })).toMatchObject({ processingDelayMs: 1_000 })
      await eventually(async () => expect(receiver.received).toHaveLength(4))
      for (const received of receiver.received) verified(received, secret)
    } finally {
      await receiver.close()
    }
  })

  it('a delivery that was under way is made again', async () => {
    const sandbox = await ownSandbox()
    const receiver = await startReceiver()
    try {
      const merchant = newMerchant(sandbox.url)
      await subscribe(merchant, receiver, ['charge.succeeded'])
      receiver.answers.push(null)
      await merchant.stripe.paymentIntents.create(charged())
      await eventually(async () => expect(receiver.received).toHaveLength(1))
      await sandbox.kill()
      await sandbox.restart()
      await eventually(async () => expect(receiver.received).toHaveLength(2))
      expect(receiver.received[1]?.rawBody).toBe(receiver.received[0]?.rawBody)
    } finally {
      await receiver.close()
    }
  })
})

describe('the process', () => {
  it('is found by its data directory while it runs, and not afterwards', async () => {
    const sandbox = await ownSandbox()
    expect(await findRunningSandbox(sandbox.dataDir)).toBe(sandbox.url)
    await sandbox.kill()
    expect(await findRunningSandbox(sandbox.dataDir)).toBeNull()
  })

  it('is not mistaken for another process at its address', async () => {
    const sandbox = await ownSandbox()
    await sandbox.kill()
    const otherDir = await mkdtemp(join(tmpdir(), 'bulkhead-sandbox-'))
    const other = await startSandbox({ dataDir: otherDir, port: Number(new URL(sandbox.url).port) })
    try {
      expect(await findRunningSandbox(sandbox.dataDir)).toBeNull()
      expect(await findRunningSandbox(otherDir)).toBe(other.url)
    } finally {
      await other.stop()
      await rm(otherDir, { recursive: true, force: true })
    }
  })

  it('says so when its port is taken, and when its books are in use', async () => {
    const sandbox = await ownSandbox()
    const otherDir = await mkdtemp(join(tmpdir(), 'bulkhead-sandbox-'))
    try {
      await expect(
        startSandbox({ dataDir: otherDir, port: Number(new URL(sandbox.url).port) }),
      ).rejects.toMatchObject({
        name: 'AppError',
        code: 'SERVICE_UNAVAILABLE',
        message: expect.stringMatching(/EADDRINUSE.*SANDBOX_PORT/),
      })
      await expect(startSandbox({ dataDir: sandbox.dataDir, port: 0 })).rejects.toMatchObject({
        code: 'SERVICE_UNAVAILABLE',
        message: expect.stringMatching(/another sandbox runs on/),
      })
    } finally {
      await rm(otherDir, { recursive: true, force: true })
    }
  })

  it('stops at once and cleanly, even with an unanswered webhook', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-sandbox-'))
    const receiver = await startReceiver()
    const sandbox = await startSandbox({ dataDir, port: 0 })
    try {
      const merchant = newMerchant(sandbox.url)
      await subscribe(merchant, receiver, ['charge.succeeded'])
      receiver.answers.push(null)
      await merchant.stripe.paymentIntents.create(charged())
      await eventually(async () => expect(receiver.received).toHaveLength(1))
    } finally {
      await sandbox.stop()
      await receiver.close()
      await rm(dataDir, { recursive: true, force: true })
    }
    expect(await sandbox.exited).toEqual({ code: 0, signal: null })
  })

  it.each(['SIGTERM', 'the end of its parent'])(
    'says where it listens in one line, and ends on %s',
    async (end) => {
      const dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-sandbox-'))
      const child = spawn(
        process.execPath,
        [
          '--disable-warning=ExperimentalWarning',
          MAIN,
          '--port',
          '0',
          '--data-dir',
          dataDir,
          '--with-parent',
        ],
        { stdio: ['pipe', 'pipe', 'inherit'] },
      )
      const exited = once(child, 'exit')
      const lines: string[] = []
      createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
      await eventually(async () => expect(lines).toHaveLength(1))
      const { url } = JSON.parse(lines[0] ?? '') as { url: string }
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/)
      expect((await fetch(url)).status).toBe(200)
      if (end === 'SIGTERM') child.kill('SIGTERM')
      else child.stdin.destroy()
      expect(await exited).toEqual([0, null])
      expect(lines).toHaveLength(1)
      await rm(dataDir, { recursive: true, force: true })
    },
  )

  it('takes a port only', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-sandbox-'))
    for (const port of [-1, 65_536, 1.5]) {
      await expect(startSandbox({ dataDir, port })).rejects.toMatchObject({
        code: 'SERVICE_UNAVAILABLE',
        message: expect.stringContaining('--port'),
      })
    }
    await rm(dataDir, { recursive: true, force: true })
  })
})
