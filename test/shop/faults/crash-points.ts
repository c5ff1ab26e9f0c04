// Breaks one operation at every point in turn (each message to the database, each call of the provider, before it
// arrives and after it was processed), kills the server there or cuts only the connection, and repeats the call like a
// client until it is settled. The test checks the result.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { signDevelopmentToken } from '../../../src/auth/development-token.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { developmentSecret } from '../../../src/development/secret.ts'
import type { Answer, Data } from '../../support/api.ts'
import type { TestDatabase } from '../../support/database.ts'
import { type HttpProxy, startHttpProxy } from '../../support/http-proxy.ts'
import { type KillableServer, startKillableServer } from '../../support/killable-server.ts'
import { startWireProxy, type WireProxy } from '../../support/wire-proxy.ts'
import { sandboxUrl } from '../support/sandbox-url.ts'

/** `kill`: the server process ends there. `cut`: only the connection ends, and the server continues. */
export type Fault = 'kill' | 'cut'
export type Where = 'database' | 'provider'
export type When = 'lost' | 'unanswered'
export type Kind = {
  where: Where
  when: When
  fault: Fault
  /** Counts messages to the database only from the provider's first answer on. */
  afterProvider?: boolean
}
export type Point = Kind & { index: number }

/** Longer than a claimed attempt: after a restart anybody may claim it. */
const CLOCK_STEP_MS = 31_000
const SETTLE_MS = 20_000
const RETRY_MS = 100
/** The bound of an operation's points. */
const POINTS_MAX = 60
const TOKEN_SECONDS = 24 * 3_600

export interface Harness {
  /** Sends one operation to the running server. */
  data(query: string, variables?: Record<string, unknown>): Promise<Data>
  /**
   * Prepares, then sends `call` with each of its points broken in turn; returns the points that were reached. `settled`
   * tells from an answer whether the client may stop repeating; `check` runs at the end of each.
   */
  everyPoint<State>(
    kind: Kind,
    operation: {
      prepare(): Promise<State>
      call(state: State): { query: string; variables: Record<string, unknown> }
      settled(data: Data): boolean
      check(state: State, data: Data, point: Point): Promise<void>
    },
  ): Promise<Point[]>
  close(): Promise<void>
}

export async function startHarness(
  database: TestDatabase,
  member: { tenant: string; email: string },
): Promise<Harness> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-crash-'))
  const wire = await startWireProxy(database.runtimeUrl)
  const provider = await startHttpProxy(sandboxUrl())
  const secret = await developmentSecret(dataDir, 'development-secret')
  const token = signDevelopmentToken({
    secret,
    ...member,
    expiresInSeconds: TOKEN_SECONDS,
    clock: systemClock,
  })
  let clockAheadMs = 0
  let server = await start()

  function start(): Promise<KillableServer> {
    return startKillableServer({ runtimeUrl: wire.url, companionUrl: provider.url, dataDir, clockAheadMs })
  }

  async function restart(): Promise<void> {
    await server.kill()
    clockAheadMs += CLOCK_STEP_MS
    server = await start()
  }

  async function send(query: string, variables: Record<string, unknown> = {}): Promise<Answer> {
    const response = await fetch(`${server.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
      body: JSON.stringify({ query, variables }),
    })
    return (await response.json()) as Answer
  }

  async function data(query: string, variables?: Record<string, unknown>): Promise<Data> {
    const answer = await send(query, variables)
    if (answer.errors) throw new Error(JSON.stringify(answer.errors))
    return answer.data
  }

  /** Repeats the call until it is settled, like a persistent client. */
  async function settle(
    call: { query: string; variables: Record<string, unknown> },
    settled: (data: Data) => boolean,
  ): Promise<Data> {
    const deadline = Date.now() + SETTLE_MS
    let restarted = false
    for (;;) {
      const answer = await send(call.query, call.variables).catch(() => null)
      if (answer !== null && !answer.errors && settled(answer.data)) return answer.data
      if (Date.now() > deadline) throw new Error(`it did not settle: ${JSON.stringify(answer)}`)
      // A live server's attempt lasts half a minute; the clock is moved instead of waiting.
      if (!restarted && Date.now() > deadline - SETTLE_MS + 1_000) {
        restarted = true
        await restart()
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
    }
  }

  return {
    data,

    async everyPoint(kind, operation) {
      const reached: Point[] = []
      for (let index = 1; index <= POINTS_MAX; index += 1) {
        const point = { ...kind, index }
        const state = await operation.prepare()
        const call = operation.call(state)
        const broken = arm(point, { wire, provider })
        const first = send(call.query, call.variables).catch(() => null)
        const isReached = await Promise.race([broken.then(() => true), first.then(() => false)])
        disarm({ wire, provider })
        if (isReached) {
          reached.push(point)
          if (kind.fault === 'kill') await restart()
        }
        await first
        try {
          await operation.check(state, await settle(call, operation.settled), point)
        } catch (cause) {
          throw new Error(`at ${JSON.stringify(point)}`, { cause })
        }
        if (!isReached) return reached
      }
      throw new Error(`more than ${POINTS_MAX} points`)
    },

    async close() {
      await server.kill()
      await wire.close()
      await provider.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

type Proxies = { wire: WireProxy; provider: HttpProxy }

/** Resolves when the point was reached and the fault has happened. */
function arm(
  { where, when, index, afterProvider = false }: Point,
  { wire, provider }: Proxies,
): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  let count = 0
  let isCounting = !afterProvider
  provider.breakAt = () => {
    isCounting = true
    if (where !== 'provider') return null
    count += 1
    return count === index ? when : null
  }
  if (where === 'provider') {
    provider.onBroken = resolve
    return promise
  }
  wire.onBroken = resolve
  wire.breakAt = ({ type }) => {
    // A Sync or a simple query ends a unit that the server processes as a whole.
    if (!isCounting || (type !== 'S' && type !== 'Q')) return null
    count += 1
    return count === index ? when : null
  }
  return promise
}

function disarm({ wire, provider }: Proxies): void {
  wire.breakAt = () => null
  provider.breakAt = () => null
}
