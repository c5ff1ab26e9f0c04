// The query that proves, or says what is not in order.
import { builder } from '../../graphql/builder.ts'
import { NOTE_BYTES, textBytes } from '../../graphql/text-bytes.ts'
import { SINCE_DAYS_DEFAULT, type Subject, type Violation } from '../../integrity/check.ts'
import { type CheckReport, type IntegrityReport, verifyTenant } from '../../integrity/verify.ts'

/** It reads all that a tenant has ever written: as much as half of the dearest operation, four times a second at most. */
const INTEGRITY_COST = 5_000
/** What a list of violations is taken to hold when the cost is counted: none, nearly always. */
const VIOLATIONS_EXPECTED = 5
const SUBJECTS_EXPECTED = 2
const CHECKS_EXPECTED = 20

const SubjectType = builder.objectRef<Subject>('IntegritySubject')
SubjectType.implement({
  description: 'An object that a violation is about.',
  fields: (t) => ({
    type: t.exposeString('type'),
    id: t.exposeID('id', { description: 'Look it up with `node`, where its type is one.' }),
  }),
})

const ViolationType = builder.objectRef<Violation>('IntegrityViolation')
ViolationType.implement({
  description: 'One thing that is not as it must be.',
  fields: (t) => ({
    message: t.exposeString('message', textBytes(NOTE_BYTES)),
    subjects: t.field({
      type: [SubjectType],
      extensions: { listSize: SUBJECTS_EXPECTED },
      resolve: ({ subjects }) => subjects,
    }),
  }),
})

const CheckType = builder.objectRef<CheckReport>('IntegrityCheck')
CheckType.implement({
  description: 'One thing that must be true of the books, and whether it is.',
  fields: (t) => ({
    name: t.exposeString('name'),
    description: t.exposeString('description', {
      description: 'What is true when it is ok.',
      ...textBytes(NOTE_BYTES),
    }),
    ok: t.exposeBoolean('ok'),
    violationCount: t.exposeInt('violationCount'),
    violations: t.field({
      type: [ViolationType],
      description: 'The first hundred.',
      extensions: { listSize: VIOLATIONS_EXPECTED },
      resolve: ({ violations }) => violations,
    }),
  }),
})

const ReportType = builder.objectRef<IntegrityReport>('IntegrityReport')
ReportType.implement({
  description: 'Whether the books are in order: checked now, row by row.',
  extensions: { permission: 'integrity:read' },
  fields: (t) => ({
    checkedAt: t.expose('checkedAt', { type: 'DateTime' }),
    ok: t.exposeBoolean('ok'),
    checks: t.field({
      type: [CheckType],
      extensions: { listSize: CHECKS_EXPECTED },
      resolve: ({ checks }) => checks,
    }),
  }),
})

builder.queryFields((t) => ({
  integrity: t.field({
    type: ReportType,
    description: 'Proves that money and stock add up, or says what does not.',
    extensions: { cost: INTEGRITY_COST },
    args: {
      provider: t.arg.boolean({
        defaultValue: false,
        description: `Compare with the payment provider's books of the last ${SINCE_DAYS_DEFAULT} days, too: it is asked now, and this takes as long as it takes.`,
      }),
    },
    resolve: async (_root, { provider }, { caller, services }) =>
      await verifyTenant(caller, services.integrity, { remote: provider === true }),
  }),
}))
