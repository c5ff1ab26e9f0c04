// Sabotage: with both walls disabled, the test of every field must fail.
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { buildSchema } from '../../src/schema.ts'
import { type Api, startApi } from '../support/api.ts'
import { asSuperuser } from '../support/database.ts'
import { placesOf } from '../support/operations.ts'
import { SABOTAGED } from '../support/samples.ts'
import { leaksOf, makeSecrets, type Secrets } from './every-field.ts'

const places = placesOf(buildSchema())

let api: Api
let secrets: Secrets
beforeAll(async () => {
  api = await startApi()
  secrets = await makeSecrets(api)
})
afterAll(() => api?.close())

type Query = (this: unknown, config: { text?: string; name?: string }, ...rest: unknown[]) => unknown

/** Runs `work` with every statement stripped of its filter by tenant, as if a handle had omitted it. */
async function withoutFilter<T>(work: () => Promise<T>): Promise<T> {
  const prototype = pg.Client.prototype as unknown as { query: Query }
  const { query } = prototype
  prototype.query = function (config, ...rest) {
    const { text } = config
    const opened = text?.replaceAll(
      /tenant_id("?) = (\$\d+)/g,
      'tenant_id$1 IS NOT NULL AND $2::text IS NOT NULL',
    )
    // Unnamed: a prepared statement is identified by its name, and this is another one.
    if (opened !== text)
      Object.defineProperties(config, { text: { value: opened }, name: { value: undefined } })
    return query.call(this, config, ...rest)
  }
  try {
    return await work()
  } finally {
    prototype.query = query
  }
}

/** Runs `work` with every table's policies allowing everybody to read and write everything. */
async function withoutPolicies<T>(work: () => Promise<T>): Promise<T> {
  const onEveryTable = (sql: string) =>
    asSuperuser(api.database, async (client) => {
      const { rows } = await client.query(
        `SELECT tablename FROM pg_policies WHERE policyname = 'tenant_select'`,
      )
      for (const { tablename } of rows) await client.query(sql.replace('TABLE_', tablename))
    })
  await onEveryTable('CREATE POLICY everything ON TABLE_ USING (true) WITH CHECK (true)')
  try {
    return await work()
  } finally {
    await onEveryTable('DROP POLICY everything ON TABLE_')
  }
}

async function leaks(name: string): Promise<string[]> {
  const place = places.find((candidate) => candidate.name === name)
  if (place === undefined) throw new Error(`there is no ${name}`)
  // Without a wall a valid call may meet another tenant's rows and fail, which counts as red too.
  return await leaksOf(api, place, secrets).catch((error: Error) => [`it failed: ${error.message}`])
}

it.each(SABOTAGED)('%s: the policies hold alone, and without any wall the test goes red', async (name) => {
  expect(await withoutFilter(() => leaks(name)), 'policies alone').toEqual([])
  expect(await withoutPolicies(() => withoutFilter(() => leaks(name))), 'no wall').not.toEqual([])
})
