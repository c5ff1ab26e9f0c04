// Databases with other locales on the run's server, each migrated from empty: SQL must mean the same in all of them.
import { randomUUID } from 'node:crypto'
import { inject } from 'vitest'
import { createLogger } from '../../src/core/logger.ts'
import { migrate } from '../../src/db/migrations/migrate.ts'
import { asAdmin } from './cluster.ts'
import { withDatabase } from './urls.ts'

/**
 * Providers and locales, as CREATE DATABASE takes them. The Turkish ones map i and I differently from all others; the C
 * library's exists only where the machine has it.
 */
export const LOCALES = {
  'builtin C': `LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C' LOCALE 'C'`,
  'builtin C.UTF-8': `LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'`,
  'libc C': `LOCALE_PROVIDER libc LOCALE 'C'`,
  'libc C.UTF-8': `LOCALE_PROVIDER libc LOCALE 'C.UTF-8'`,
  'ICU root': `LOCALE_PROVIDER icu ICU_LOCALE 'und' LOCALE 'C'`,
  'ICU Turkish': `LOCALE_PROVIDER icu ICU_LOCALE 'tr-TR' LOCALE 'C'`,
  'libc Turkish': `LOCALE_PROVIDER libc LOCALE 'tr_TR.UTF-8'`,
} as const
export type LocaleName = keyof typeof LOCALES

export interface LocaleDatabase {
  ownerUrl: string
  runtimeUrl: string
  adminUrl: string
  drop(): Promise<void>
}

/** Null where this server or machine lacks the locale. */
export async function createLocaleDatabase(locale: LocaleName): Promise<LocaleDatabase | null> {
  const { adminUrl, ownerUrl, runtimeUrl, workerUrl } = inject('cluster')
  const name = `bulkhead_locale_${randomUUID().replaceAll('-', '')}`
  const isMade = await asAdmin(adminUrl, async (admin) => {
    const sql = `CREATE DATABASE ${name} OWNER bulkhead_owner TEMPLATE template0 ENCODING 'UTF8' ${LOCALES[locale]}`
    return await admin.query(sql).then(
      () => true,
      (error: Error) => {
        if (
          /invalid (LC_COLLATE )?locale name|unrecognized locale provider|option "builtin_locale"/.test(
            error.message,
          )
        )
          return false
        throw error
      },
    )
  })
  if (!isMade) return null
  const urls = {
    ownerUrl: withDatabase(ownerUrl, name),
    runtimeUrl: withDatabase(runtimeUrl, name),
    adminUrl: withDatabase(adminUrl, name),
  }
  await migrate({ ...urls, workerUrl: withDatabase(workerUrl, name), logger: createLogger('error') })
  const drop = () =>
    asAdmin(adminUrl, async (admin) => {
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`)
    })
  return { ...urls, drop }
}
