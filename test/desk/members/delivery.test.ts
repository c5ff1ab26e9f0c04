// An invitation's mail on its whole way: the queue, the worker, SMTP, a server that refuses it for now, and what is
// stored meanwhile.
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { systemClock } from '../../../src/core/clock.ts'
import { createLogger } from '../../../src/core/logger.ts'
import { INVITATION_ATTEMPTS_MAX, invitationTask } from '../../../src/desk/members/send-invitation.ts'
import { startWorker, type Worker } from '../../../src/jobs/worker.ts'
import { createSmtpMailer } from '../../../src/mail/smtp.ts'
import { createMetrics } from '../../../src/telemetry/metrics.ts'
import { type Api, startApi } from '../../support/api.ts'
import { asSuperuser } from '../../support/database.ts'
import { eventually } from '../../support/eventually.ts'
import { ACCEPT, codesOf, invite, newEmail, uuidOf } from '../../support/people.ts'
import { type ReceivedMail, type SmtpServer, startSmtpServer, textOf } from '../../support/smtp-server.ts'

let api: Api
let server: SmtpServer
let worker: Worker | null = null
const log: string[] = []
beforeAll(async () => {
  api = await startApi()
  server = await startSmtpServer()
})
afterEach(async () => {
  await worker?.stop()
  worker = null
  server.refuse(null)
})
afterAll(async () => {
  await server?.close()
  await api?.close()
})

async function work(): Promise<void> {
  const mail = createSmtpMailer({ url: server.url, from: 'Shop <mail@shop.example>', requireTls: false })
  worker = await startWorker({
    url: api.database.workerUrl,
    database: api.opened,
    tasks: [invitationTask({ ...api.services, mail })],
    schedule: [],
    clock: systemClock,
    logger: createLogger('trace', { write: (line) => log.push(line) }),
    concurrency: 2,
    metrics: createMetrics(api.opened),
  })
}

interface WaitingJob {
  attempts: number
  max_attempts: number
  last_error: string
}

async function jobOf(invitation: string): Promise<WaitingJob | undefined> {
  const sql = `SELECT attempts, max_attempts, last_error FROM graphile_worker._private_jobs WHERE payload ->> 'invitationId' = $1`
  return await asSuperuser(api.database, async (admin) => {
    return (await admin.query<WaitingJob>(sql, [uuidOf(invitation)])).rows[0]
  })
}

/** Makes retries due now, since the queue's delays grow. */
const makeDue = () =>
  asSuperuser(api.database, (admin) =>
    admin.query('UPDATE graphile_worker._private_jobs SET run_at = now() WHERE locked_at IS NULL'),
  )
const mailsTo = (email: string) => server.mails.filter(({ to }) => to.includes(email))
const tokenIn = (mail: ReceivedMail | undefined) =>
  /Token: +([\w-]{43})/.exec(mail === undefined ? '' : textOf(mail))?.[1] ?? 'no token'

it('a server that refuses it for now gets it later, and the delivered token is valid', async () => {
  server.refuse({ at: 'MAIL', reply: '451 4.3.0 try later' })
  const email = newEmail()
  const id = await invite(api.as('A'), { email, role: 'STAFF' })
  await work()
  const refused = await eventually(async () => {
    const job = await jobOf(id)
    expect(job?.last_error).toContain('the mail server did not accept the mail')
    return job
  })
  expect(refused).toMatchObject({ attempts: 1, max_attempts: INVITATION_ATTEMPTS_MAX })
  expect(refused?.last_error).toContain('MAIL FROM 451 4.3.0')
  expect(mailsTo(email)).toEqual([])
  server.refuse(null)
  await makeDue()
  await eventually(async () => expect(await jobOf(id)).toBeUndefined())
  expect(mailsTo(email)).toHaveLength(1)
  const token = tokenIn(mailsTo(email)[0])
  expect(await codesOf(api.asPerson('A', email), ACCEPT, { token })).toEqual([])
})

it('a token that a server repeats in its refusal is neither in the queue, nor in the logs, nor in the database', async () => {
  server.refuse({ at: 'END', reply: '554 5.7.1 looks like spam: $mail' })
  const email = newEmail()
  const id = await invite(api.as('A'), { email, role: 'STAFF' })
  const before = log.length
  await work()
  await eventually(async () => expect((await jobOf(id))?.last_error).toContain('554 5.7.1'))
  await worker?.stop()
  worker = null
  const written = `${JSON.stringify(await jobOf(id))}${log.slice(before).join('')}`
  expect(written).toContain('554 5.7.1')
  // A token has 43 characters; nothing else here is that long.
  expect(written).not.toMatch(/Token:|looks like spam|(?<![\w-])[\w-]{43}(?![\w-])/)
  server.refuse(null)
  await makeDue()
  await work()
  const mail = await eventually(async () => {
    expect(mailsTo(email)).toHaveLength(1)
    return mailsTo(email)[0]
  })
  await eventually(async () => expect(await jobOf(id)).toBeUndefined())
  const token = tokenIn(mail)
  expect(token).toMatch(/^[\w-]{43}$/)
  const kept = await everything()
  expect(kept).toContain(email)
  expect(kept).not.toContain(token)
  expect(await codesOf(api.asPerson('A', email), ACCEPT, { token, idempotencyKey: 'k' })).toEqual([])
  expect(await everything()).not.toContain(token)
  expect(log.join('')).not.toContain(token)
})

it('one that is revoked while its server is away is never sent', async () => {
  server.refuse({ at: 'CONNECT', reply: '421 4.3.2 closed' })
  const email = newEmail()
  const id = await invite(api.as('A'), { email, role: 'STAFF' })
  await work()
  await eventually(async () => expect((await jobOf(id))?.attempts).toBe(1))
  const source = `mutation { invitationRevoke(input: { id: "${id}" }) { userErrors { code } } }`
  expect(await api.as('A').data(source)).toEqual({ invitationRevoke: { userErrors: [] } })
  server.refuse(null)
  await makeDue()
  await eventually(async () => expect(await jobOf(id)).toBeUndefined())
  expect(mailsTo(email)).toEqual([])
})

/** Every row of every table as text. */
async function everything(): Promise<string> {
  return await asSuperuser(api.database, async (admin) => {
    const { rows: tables } = await admin.query<{ name: string }>(
      `SELECT format('%I.%I', table_schema, table_name) AS name FROM information_schema.tables
       WHERE table_schema IN ('public', 'app', 'graphile_worker') AND table_type = 'BASE TABLE'`,
    )
    const all = []
    for (const { name } of tables) all.push((await admin.query(`SELECT t::text FROM ${name} t`)).rows)
    return JSON.stringify(all)
  })
}
