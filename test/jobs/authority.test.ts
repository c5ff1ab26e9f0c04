// Who may queue which job: every task × every permission, in raw SQL as the runtime role. A job runs with every
// permission, so queuing one is a way to anything.

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ACCEPT_INVITATION, isPermission, PERMISSIONS } from '../../src/auth/permissions.ts'
import { examine } from '../../src/db/doctor/doctor.ts'
import type { Metrics } from '../../src/telemetry/metrics.ts'
import { QUEUED_BY, SCHEDULE, tasksOf } from '../../src/wiring.ts'
import { asRuntime, asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { servicesAt } from '../support/services.ts'
import { TENANT_A } from '../support/two-tenants.ts'

const MAY_NOT = 'BK004'
const REFUSED_VALUE = '22023'
const TASKS = Object.entries(QUEUED_BY)

let database: TestDatabase
beforeAll(async () => {
  database = await createTestDatabase({ seed: 'two-tenants' })
})
afterAll(() => database?.drop())

/** OK, or the SQLSTATE of the refusal. */
async function queueAs(writes: string, task: string, key: string | null = null): Promise<string> {
  const attempt = asRuntime(
    database,
    TENANT_A.id,
    (client) => client.query('SELECT app.enqueue($1, $2, $3)', [task, '{}', key]),
    writes,
  )
  return await attempt.then(
    () => 'OK',
    (error: { code: string }) => error.code,
  )
}

async function queued(): Promise<string[]> {
  return await asSuperuser(database, async (client) => {
    const { rows } = await client.query(
      'SELECT t.identifier FROM graphile_worker._private_jobs j JOIN graphile_worker._private_tasks t ON t.id = j.task_id',
    )
    return rows.map(({ identifier }) => identifier)
  })
}

describe('the table of tasks', () => {
  it('has every task of the program and no other, each with existing permissions', () => {
    const metrics = {} // not used before a task runs
    const tasks = tasksOf({ services: servicesAt(null, () => null), metrics: metrics as unknown as Metrics })
    expect(Object.keys(QUEUED_BY).toSorted()).toEqual(tasks.map(({ name }) => name).toSorted())
    for (const [name, permissions] of TASKS) {
      expect(permissions.length, name).toBeGreaterThan(0)
      expect(
        permissions.filter((one) => one !== 'system' && !isPermission(one)),
        name,
      ).toEqual([])
    }
  })

  it('leaves what the clock starts to the clock', () => {
    for (const { task } of SCHEDULE) expect(QUEUED_BY[task], task).toEqual(['system'])
  })
})

describe('raw SQL of a session', () => {
  it.each(TASKS)('queues %s with one of %j, and with nothing else', async (task, needed) => {
    for (const permission of [...PERMISSIONS, ACCEPT_INVITATION]) {
      const may = (needed as readonly string[]).includes(permission)
      expect(await queueAs(permission, task), permission).toBe(may ? 'OK' : MAY_NOT)
    }
    const others = PERMISSIONS.filter((one) => !(needed as readonly string[]).includes(one)).join()
    expect(await queueAs(others, task), 'all the others together').toBe(MAY_NOT)
    expect(await queueAs('', task)).toBe(MAY_NOT)
    expect(await queueAs('*', task)).toBe('OK')
    expect(await queueAs(`system ,${others}`, task), 'a name that is nearly it').toBe(MAY_NOT)
  })

  it('queues no unknown task with any permission; and sees no task without one', async () => {
    for (const task of ['schedule', 'test.x', '', 'PAYMENT.RECONCILE']) {
      expect(await queueAs('*', task)).toBe(REFUSED_VALUE)
      expect(await queueAs('', task)).toBe(MAY_NOT)
    }
  })

  it('replaces no job of another task, nor of the schedule', async () => {
    await asSuperuser(database, (client) => client.query('DELETE FROM graphile_worker._private_jobs'))
    const theirs = 'tenant.export:0191'
    expect(await queueAs('tenant:manage', 'tenant.export', theirs)).toBe('OK')
    for (const key of [theirs, 'schedule:integrity.check', 'invitation.mail', 'invitation.mailer:1'])
      expect(await queueAs('members:manage', 'invitation.mail', key), key).toBe(REFUSED_VALUE)
    expect(await queued()).toEqual(['tenant.export'])
  })

  it('cannot write the list of tasks, and reads it only through the function', async () => {
    for (const sql of [
      'SELECT * FROM app.tasks',
      `UPDATE app.tasks SET queued_by = '{members:manage}'`,
      `INSERT INTO app.tasks VALUES ('x', '{members:manage}')`,
    ])
      await expect(asRuntime(database, TENANT_A.id, (client) => client.query(sql))).rejects.toMatchObject({
        code: '42501',
      })
  })
})

describe('the doctor', () => {
  const lists = async (tasks = QUEUED_BY) =>
    (await examine(database.runtimeUrl, { tasks }))
      .filter(({ code }) => code === 'task-list')
      .map(({ level, object }) => `${level} ${object}`)

  it('finds the database’s list equal to the program’s', async () => {
    expect(await lists()).toEqual([])
  })

  it('refuses a task that the database does not know, or that has other permissions there; and warns of one that only it knows', async () => {
    const { 'audit.seal': _, ...fewer } = QUEUED_BY
    expect(await lists(fewer)).toEqual(['warning task audit.seal'])
    expect(await lists({ ...QUEUED_BY, 'new.task': ['members:manage'] })).toEqual(['error task new.task'])
    expect(await lists({ ...QUEUED_BY, 'audit.seal': ['audit:read'] })).toEqual(['error task audit.seal'])
  })
})
