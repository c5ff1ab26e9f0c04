// A change in one process takes effect in another within five seconds: a separate server process on the same database.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, inject, it } from 'vitest'
import { signDevelopmentToken } from '../../../src/auth/development-token.ts'
import { systemClock } from '../../../src/core/clock.ts'
import { developmentSecret } from '../../../src/development/secret.ts'
import { type Api, startApi } from '../../support/api.ts'
import { type KillableServer, startKillableServer } from '../../support/killable-server.ts'
import { ACCEPT, CHANGE_ROLE, invitee, manage, newMember, REMOVE, REVOKE } from '../../support/people.ts'

/** The promise. */
const WITHIN_MS = 5_000
const POLL_MS = 50

let api: Api
let dataDir: string
let other: KillableServer
let secret: Uint8Array
beforeAll(async () => {
  api = await startApi()
  dataDir = await mkdtemp(join(tmpdir(), 'bulkhead-other-'))
  secret = await developmentSecret(dataDir, 'development-secret')
  other = await startKillableServer({
    runtimeUrl: api.database.runtimeUrl,
    companionUrl: inject('companionUrl'),
    dataDir,
    clockAheadMs: 0,
  })
})
afterAll(async () => {
  await other?.kill()
  await api?.close()
  await rm(dataDir, { recursive: true, force: true })
})

/** The other process's answer to a person: the first error's code, or none. */
async function answerTo(email: string, query: string, variables: object = {}): Promise<string> {
  const token = signDevelopmentToken({
    secret,
    tenant: 'anchor',
    email,
    expiresInSeconds: 60,
    clock: systemClock,
  })
  const response = await fetch(`${other.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
    body: JSON.stringify({ query, variables }),
  })
  const { errors } = (await response.json()) as { errors?: { extensions: { code: string } }[] }
  return errors?.[0]?.extensions.code ?? 'fine'
}

/** How long until the other process, polled, gives this answer. */
async function msUntil(answer: string, ask: () => Promise<string>): Promise<number> {
  const start = performance.now()
  for (;;) {
    const told = await ask()
    const took = performance.now() - start
    if (told === answer || took > 2 * WITHIN_MS) return took
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
}

const VIEWER = '{ viewer { permissions } }'
const MEMBERS = '{ members { totalCount } }'

it('case 32: a removed member is refused there within 5 s, even with continuous requests', async () => {
  const { id, email } = await newMember(api, 'A', 'STAFF')
  expect(await answerTo(email, VIEWER)).toBe('fine')
  await manage(api.as('A'), REMOVE, { id, expectedVersion: 1 })
  expect(await msUntil('FORBIDDEN', () => answerTo(email, VIEWER))).toBeLessThan(WITHIN_MS)
})

it('case 32: a member with a lower role has fewer permissions there within 5 s', async () => {
  const { id, email } = await newMember(api, 'A', 'ADMIN')
  expect(await answerTo(email, MEMBERS)).toBe('fine')
  await manage(api.as('A'), CHANGE_ROLE, { id, expectedVersion: 1, role: 'VIEWER' })
  expect(await msUntil('FORBIDDEN', () => answerTo(email, MEMBERS))).toBeLessThan(WITHIN_MS)
  expect(await answerTo(email, VIEWER)).toBe('fine')
})

it('an invited person cached there accepts nothing after the invitation was revoked here', async () => {
  const { id, email, token } = await invitee(api, 'A')
  expect(await answerTo(email, VIEWER)).toBe('FORBIDDEN')
  await manage(api.as('A'), REVOKE, { id })
  await answerTo(email, ACCEPT, { input: { token } })
  expect(await msUntil('FORBIDDEN', () => answerTo(email, ACCEPT, { input: { token } }))).toBeLessThan(
    WITHIN_MS,
  )
  expect((await api.as('A').data(MEMBERS)).members.totalCount).toBe(5)
})

it('a person who accepted here is admitted there within 5 s, though refused there before', async () => {
  const { email, token, session } = await invitee(api, 'A')
  expect(await answerTo(email, VIEWER)).toBe('FORBIDDEN')
  await manage(session, ACCEPT, { token })
  expect(await msUntil('fine', () => answerTo(email, VIEWER))).toBeLessThan(WITHIN_MS)
})
