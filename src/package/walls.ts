// The entry `bulkhead/walls` of the package: the walls over another project's own Prisma client. docs/walls-package.md shows
// its use. Imports nothing that was generated of this program's schema.
import { type MigrateOptions, migrate as migrateWithQueue } from '../db/migrations/migrate.ts'

export { AppError } from '../core/errors.ts'
export { createLogger } from '../core/logger.ts'
export { type ExamineOptions, examine, type Finding } from '../db/doctor/doctor.ts'
export type { Exceptions } from '../db/doctor/exceptions.ts'
export { CommitUnknown, type Fault, faultOf } from '../db/faults.ts'
export { addCommands, addWalls } from '../db/migrations/add-walls.ts'
export { writeMigration } from '../db/migrations/write-migration.ts'
export type { WrittenSchema } from '../db/models.ts'
export type { WhereOf } from '../db/reader/types.ts'
export { EVERYTHING, type Scope, type Statement } from '../db/scope.ts'
export type { TenantClientOf } from '../db/tenant-client.ts'
export {
  openWalls,
  type PoolOptions,
  type PoolState,
  type TransactionOf,
  type TransactionOptions,
  type Walls,
  type WallsOptions,
} from '../db/walls.ts'

/** Applies the migrations of `migrationsDir`, which addWalls has begun, and prepares the database for the runtime role. */
export function migrate(
  options: Omit<MigrateOptions, 'workerUrl' | 'withQueue'> & { migrationsDir: string },
): Promise<{ applied: string[] }> {
  return migrateWithQueue({ ...options, withQueue: false })
}
