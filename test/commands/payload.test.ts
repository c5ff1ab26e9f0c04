// The payload's statement: it ends the command's own message, and tells only what was committed.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import type { CommandContext } from '../../src/auth/command-context.ts'
import { permissionsOf } from '../../src/auth/permissions.ts'
import { type Done, done, refused } from '../../src/commands/outcome.ts'
import {
  type OneStatement,
  runCommand,
  runInternalCommand,
  type Work,
} from '../../src/commands/run-command.ts'
import { newId } from '../../src/core/ids.ts'
import { createLogger } from '../../src/core/logger.ts'
import { type Database, openDatabase } from '../../src/db/database.ts'
import { EVERYTHING } from '../../src/db/scope.ts'
import { asSuperuser, createTestDatabase, type TestDatabase } from '../support/database.ts'
import { RAISE_IN_ONE_STATEMENT, raise, resetTallies } from '../support/tally.ts'
import { fixtureId, TENANT_A } from '../support/two-tenants.ts'
import { startWireProxy, type WireProxy } from '../support/wire-proxy.ts'

const SUBJECT = { type: 'Thing', id: '00000000-0000-7000-8000-000000000001' }
const DONE = done(SUBJECT.id, [{ subject: SUBJECT, before: null, after: { n: 1 } }])
const READ = `SELECT row_count::text || ' ' || $1 FROM exports WHERE requested_by = 'effects'`
const logger = createLogger('silent')

let test: TestDatabase
let proxy: WireProxy
let database: Database
beforeAll(async () => {
  test = await createTestDatabase({ seed: 'two-tenants' })
  proxy = await startWireProxy(test.runtimeUrl)
  database = openDatabase({ url: proxy.url, poolMax: 4, namedStatements: false, logger })
})
beforeEach(() => resetTallies(test, [TENANT_A.id], ['effects']))
afterEach(() => {
  proxy.breakAt = () => null
})
afterAll(async () => {
  await database?.close()
  await proxy?.close()
  await test?.drop()
})

/** The ids for which a statement was asked. */
let asked: string[] = []
/** With a payload that reads the tally; `$1` is the id and the number of the attempt. */
function callerOf(text = READ): CommandContext {
  asked = []
  return {
    scope: { tenantId: TENANT_A.id, writes: EVERYTHING },
    tenantSlug: TENANT_A.slug,
    actor: {
      kind: 'MEMBER',
      id: fixtureId(TENANT_A, 'members', 1),
      role: 'ADMIN',
      email: TENANT_A.ownerEmail,
    },
    permissions: permissionsOf('ADMIN'),
    requestId: 'request-1',
    database,
    clock: () => new Date(),
    logger,
    payload: {
      statement: (id) => {
        asked.push(id)
        return { text, values: [`${id} ${asked.length}`] }
      },
    },
  }
}

type Works = Work<'CONFLICT'>
const count: Works = async (tx) => {
  await raise(tx, 'effects')
  return DONE
}
const command = {
  name: 'thingCount',
  permission: 'members:manage',
  errors: ['CONFLICT'],
  schema: z.looseObject({}),
} as const

async function effects(): Promise<number> {
  return await asSuperuser(test, async (client) => {
    const { rows } = await client.query(
      `SELECT row_count FROM exports WHERE requested_by = 'effects' AND tenant_id = $1`,
      [TENANT_A.id],
    )
    return rows[0].row_count
  })
}

describe.each([
  ['in a transaction', (work: Works) => work, 2],
  [
    'in one statement',
    (whyRefused: Works): OneStatement<'CONFLICT', null, unknown> => ({
      decide: () => ({ sql: RAISE_IN_ONE_STATEMENT, values: ['effects'], done: DONE }),
      whyRefused,
    }),
    1,
  ],
] as const)('of a command %s', (_, as, round) => {
  const run = (caller: CommandContext, idempotencyKey: string | null = newId(), work: Works = count) =>
    runCommand(caller, command, { idempotencyKey }, as(work))

  it('reads the record as the command left it, at no round trip', async () => {
    const { result, messages } = await proxy.during(() => run(callerOf()))
    expect(result).toMatchObject({ userErrors: [], shown: `1 ${SUBJECT.id} 1` })
    expect(messages.filter(({ type }) => type === 'S')).toHaveLength(round)
    expect(asked).toEqual([SUBJECT.id])
  })

  it('that finds no record answers null', async () => {
    expect(await run(callerOf(`${READ} AND $1 = ''`))).toMatchObject({ userErrors: [], shown: null })
  })

  it('is not sent for a replay', async () => {
    const key = newId()
    await run(callerOf(), key)
    expect(await run(callerOf(), key)).toMatchObject({ replayed: true, shown: null })
    expect(await effects()).toBe(1)
  })

  it('is not sent when a refusal is stored', async () => {
    await asSuperuser(test, (client) => client.query(`DELETE FROM exports WHERE requested_by = 'effects'`))
    const refusing: Works = async () =>
      refused([{ field: null, message: 'no', code: 'CONFLICT' }], fixtureId(TENANT_A, 'members', 1))
    const { result, messages } = await proxy.during(() => run(callerOf(), newId(), refusing))
    expect(result).toMatchObject({ userErrors: [{ code: 'CONFLICT' }], shown: null })
    expect(asked.filter((id) => id !== SUBJECT.id)).toEqual([])
    expect(messages.filter(({ text }) => text.includes('row_count::text'))).toHaveLength(round === 1 ? 1 : 0)
  })

  it.each([true, false])('is not believed after a COMMIT without an answer (key: %s)', async (hasKey) => {
    proxy.breakAt = ({ text }) => {
      if (!text.includes('row_count::text')) return null
      proxy.breakAt = () => null
      return 'unanswered'
    }
    const executed = await run(callerOf(), hasKey ? newId() : null)
    expect(executed).toMatchObject({ userErrors: [], replayed: false, shown: null })
    expect(await effects()).toBe(1)
  })

  it('is the one of the attempt that committed', async () => {
    // The first COMMIT fails, after the payload's statement was answered. The sequence counts beyond the rollback.
    await asSuperuser(test, (client) =>
      client.query(`
        CREATE SEQUENCE app.commits;
        CREATE FUNCTION app.refuse_first() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$
        BEGIN
          IF nextval('app.commits') = 1 THEN
            RAISE EXCEPTION 'could not serialize access' USING ERRCODE = 'serialization_failure';
          END IF;
          RETURN NULL;
        END $$;
        CREATE CONSTRAINT TRIGGER refuse_first AFTER UPDATE ON exports DEFERRABLE INITIALLY DEFERRED
          FOR EACH ROW EXECUTE FUNCTION app.refuse_first()`),
    )
    try {
      expect(await run(callerOf())).toMatchObject({ userErrors: [], shown: `1 ${SUBJECT.id} 2` })
      expect(await effects()).toBe(1)
    } finally {
      await asSuperuser(test, (client) =>
        client.query(
          'DROP TRIGGER refuse_first ON exports; DROP FUNCTION app.refuse_first(); DROP SEQUENCE app.commits',
        ),
      )
    }
  })

  it('that fails does not fail the command, which is done once and without it', async () => {
    const executed = await run(callerOf('SELECT 1 / (length($1) - length($1))'))
    expect(executed).toMatchObject({ userErrors: [], replayed: false, shown: null })
    expect(asked).toHaveLength(1)
    expect(await effects()).toBe(1)
  })
})

it('is not sent by a command over many rows, which has no record of its own', async () => {
  const many: Work<'CONFLICT'> = async (tx, input) => ({
    ...((await count(tx, input)) as Done),
    id: null,
    many: { rows: [{ id: SUBJECT.id, changed: 'Thing' }], errors: [] },
  })
  expect(await runCommand(callerOf(), command, {}, many)).toMatchObject({ id: null, shown: null })
  expect(asked).toEqual([])
})

it('is not sent by a command without a mutation', async () => {
  await runInternalCommand(callerOf(), { name: 'thingCount', permission: 'members:manage' }, async (tx) => {
    await raise(tx, 'effects')
    return DONE
  })
  expect(asked).toEqual([])
})
