// Runs work as the owner of the tables, for platform commands; and reads which tenant is meant.
import type { Config } from '../config.ts'
import { AppError } from '../core/errors.ts'
import { createLogger } from '../core/logger.ts'
import type { OwnerConnection } from '../db/owner.ts'
import { requireOwner, withDatabase } from './command-database.ts'
import { commandLogLevel } from './run.ts'

/** Throws SERVICE_UNAVAILABLE with advice when there is no owner. */
export async function asOwner<T>(config: Config, work: (owner: OwnerConnection) => Promise<T>): Promise<T> {
  const { connectOwner } = await import('../db/owner.ts')
  return withDatabase(config, createLogger(commandLogLevel(config)), async (urls) => {
    const owner = await connectOwner(requireOwner(urls))
    try {
      return await work(owner)
    } finally {
      await owner.end()
    }
  })
}

/** The slug, as an argument or as an option. Throws BAD_USER_INPUT for neither. */
export function slugOf(verb: string, argument: string | undefined, { slug }: { slug?: string }): string {
  const given = slug ?? argument
  if (given !== undefined) return given
  throw new AppError('BAD_USER_INPUT', `which tenant? tenant ${verb} SLUG`)
}
