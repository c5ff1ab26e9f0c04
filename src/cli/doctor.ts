// `bulkhead doctor`: checks the walls of the database, by src/db/doctor.
import { Command } from 'commander'
import { createLogger } from '../core/logger.ts'
import type { Finding } from '../db/doctor/doctor.ts'
import { withDatabase } from './command-database.ts'
import { actionAnywhere, commandLogLevel, report } from './run.ts'

export function doctorCommand(): Command {
  return new Command('doctor')
    .description('check the walls between tenants; fails on a finding')
    .option('--strict-version', 'a PostgreSQL release with a known hole is an error')
    .option('--json', 'report as JSON')
    .action(
      actionAnywhere(async (config, options: { json?: boolean; strictVersion?: boolean }) => {
        const [{ examine }, { SCHEMA }, { QUEUED_BY }, { writerNames }, { ALPHABETICAL }] = await Promise.all(
          [
            import('../db/doctor/doctor.ts'),
            import('../db/datamodel.ts'),
            import('../wiring.ts'),
            import('../auth/permissions.ts'),
            import('../graphql/sorts.ts'),
            // Its lists declare their sorts.
            import('../schema.ts'),
          ],
        )
        const findings = await withDatabase(
          config,
          createLogger(commandLogLevel(config)),
          ({ runtimeUrl, workerUrl }) =>
            examine(runtimeUrl, {
              strictVersion: options.strictVersion ?? config.database.strictVersion,
              workerUrl,
              tasks: QUEUED_BY,
              writers: { permissions: writerNames(), schema: SCHEMA },
              alphabetical: ALPHABETICAL,
            }),
        )
        report(options, { findings }, asText(findings))
        if (findings.some(({ level }) => level === 'error')) process.exitCode = 1
      }),
    )
}

function asText(findings: readonly Finding[]): string {
  if (findings.length === 0) return 'The walls are whole: no findings.'
  return findings
    .map(({ level, code, object, message }) => `${level}  ${code}  ${object}: ${message}`)
    .join('\n')
}
