// The query that runs the integrity checks.
import { builder } from '../../graphql/builder.ts'
import { nodeLink } from '../../graphql/node.ts'
import { NOTE_BYTES, textBytes } from '../../graphql/text-bytes.ts'
import { SINCE_DAYS_DEFAULT, type Subject, type Violation } from '../../integrity/check.ts'
import { type CheckReport, type IntegrityReport, verifyTenant } from '../../integrity/verify.ts'

/**
 * It reads all rows of the tenant. The cost is half that of the largest operation, so that the budget allows four of
 * them a second.
 */
const INTEGRITY_COST = 5_000
/** The number of violations that the cost assumes; nearly always there are none. */
const VIOLATIONS_EXPECTED = 5
const SUBJECTS_EXPECTED = 2
const CHECKS_EXPECTED = 20

const SubjectType = builder.objectRef<Subject>('IntegritySubject')
SubjectType.implement({
  description: 'An object that a violation is about.',
  fields: (t) => ({
    type: t.exposeString('type', { description: 'The kind of object, such as Order.' }),
    subjectId: t.exposeID('id', { description: 'An id for `node`, where its type is a node type.' }),
    node: nodeLink(t, ({ id }) => id),
  }),
})

const ViolationType = builder.objectRef<Violation>('IntegrityViolation')
ViolationType.implement({
  description: 'A violation that a check found.',
  fields: (t) => ({
    message: t.exposeString('message', { description: 'What is wrong.', ...textBytes(NOTE_BYTES) }),
    subjects: t.field({
      description: 'The objects that it is about.',
      type: [SubjectType],
      extensions: { listSize: SUBJECTS_EXPECTED },
      resolve: ({ subjects }) => subjects,
    }),
  }),
})

const CheckType = builder.objectRef<CheckReport>('IntegrityCheck')
CheckType.implement({
  description: 'A check of the data, with its result.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'Its name.' }),
    description: t.exposeString('description', {
      description: 'What holds when the check is ok.',
      ...textBytes(NOTE_BYTES),
    }),
    ok: t.exposeBoolean('ok', { description: 'Whether it found no violation.' }),
    violationCount: t.exposeInt('violationCount', { description: 'How many violations it found.' }),
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
  description: 'The result of all checks, made now on all rows.',
  extensions: { permission: 'integrity:read' },
  fields: (t) => ({
    checkedAt: t.expose('checkedAt', { description: 'When it was made.', type: 'DateTime' }),
    ok: t.exposeBoolean('ok', { description: 'Whether all checks are ok.' }),
    checks: t.field({
      description: 'The checks.',
      type: [CheckType],
      extensions: { listSize: CHECKS_EXPECTED },
      resolve: ({ checks }) => checks,
    }),
  }),
})

builder.queryFields((t) => ({
  integrity: t.field({
    type: ReportType,
    description: 'Checks that money and stock add up, and lists the violations.',
    extensions: { cost: INTEGRITY_COST },
    args: {
      provider: t.arg.boolean({
        defaultValue: false,
        description: `Also compare with the payment provider's charges of the last ${SINCE_DAYS_DEFAULT} days. The provider is called now, which may take a while.`,
      }),
    },
    resolve: async (_root, { provider }, { caller, services }) =>
      await verifyTenant(caller, services.integrity, { remote: provider === true }),
  }),
}))
