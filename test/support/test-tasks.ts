// Tasks that only tests have, registered in a test database as by a migration.
import { asSuperuser, type TestDatabase } from './database.ts'

const NAMES = [
  'x',
  'hold',
  'read',
  'poison',
  'fine',
  'slow',
  'scheduled',
  'waits',
  'dead',
  'other',
  'removed',
  'nobody-has-it',
]

/** `test.x` and its like, for the system's own work; and `schedule`, to test a tenant's job of that name. */
export async function addTestTasks(database: TestDatabase): Promise<void> {
  const names = ['schedule', ...NAMES.map((name) => `test.${name}`)]
  await asSuperuser(database, (client) =>
    client.query(`INSERT INTO app.tasks (name, queued_by) SELECT unnest($1::text[]), '{system}'`, [names]),
  )
}
