// Who may do what, shown: the table of roles, and the answer to "why not?".
import { PERMISSIONS, permissionsOf, ROLES } from '../../auth/permissions.ts'
import { NO_ID } from '../../core/ids.ts'
import { builder } from '../../graphql/builder.ts'
import { isHere } from '../../graphql/node.ts'
import { nodeUuid } from '../../graphql/node-ids.ts'
import { NOTE_BYTES, textBytes } from '../../graphql/text-bytes.ts'
import { Role } from '../refs.ts'
import {
  ACCESS_REASONS,
  type AccessAnswer,
  type AccessReason,
  checkAccess,
  type Subject,
} from './check-access.ts'

const RoleDefinition = builder.objectRef<(typeof ROLES)[number]>('RoleDefinition').implement({
  description: 'What a role may do.',
  fields: (t) => ({
    name: t.field({ type: Role, resolve: (role) => role }),
    permissions: t.stringList({
      description: 'As object:action. A key can be given any of them that its maker has.',
      resolve: (role) => PERMISSIONS.filter((permission) => permissionsOf(role).has(permission)),
    }),
  }),
})

const AccessReasonCode = builder.enumType('AccessReasonCode', { values: ACCESS_REASONS })

const Reason = builder.objectRef<AccessReason>('AccessReason').implement({
  description: 'Why somebody may or may not.',
  fields: (t) => ({
    code: t.field({ type: AccessReasonCode, resolve: ({ code }) => code }),
    message: t.exposeString('message', textBytes(NOTE_BYTES)),
  }),
})

/** Of a subject, a permission and an object there are seldom two to say something against. */
const REASONS_EXPECTED = 2

const AccessCheck = builder.objectRef<AccessAnswer>('AccessCheck').implement({
  description: 'Whether somebody may do a thing, and why.',
  fields: (t) => ({
    allowed: t.exposeBoolean('allowed'),
    reasons: t.field({
      type: [Reason],
      description: 'What grants it; or everything that is against it.',
      extensions: { listSize: REASONS_EXPECTED },
      resolve: ({ reasons }) => reasons,
    }),
  }),
})

builder.queryFields((t) => ({
  roles: t.field({
    type: [RoleDefinition],
    description: 'The roles, each with its permissions, from the one that may do everything down.',
    extensions: { listSize: ROLES.length },
    resolve: () => ROLES,
  }),
  accessCheck: t.field({
    type: AccessCheck,
    description:
      "Whether a member or a key may do a thing, and why. Needs members:read, and keys:manage for a key but one's own.",
    extensions: { permission: 'members:read' },
    args: {
      subject: t.arg.id({ description: "A member's or a key's; whoever asks, unless told." }),
      permission: t.arg.string({ required: true, description: 'As `roles` lists them: orders:write.' }),
      id: t.arg.id({ description: 'Of the object that is meant.' }),
    },
    resolve: async (_root, { subject, permission, id }, context, info) =>
      await checkAccess(context.caller, {
        subject: subjectOf(subject ?? null),
        permission,
        isHere: id == null ? null : await isHere(id, context, info),
      }),
  }),
}))

/** What is the id of neither is the id of a member who is not there. */
function subjectOf(id: string | null): Subject {
  if (id === null) return { kind: 'CALLER' }
  const key = nodeUuid('ApiKey', id)
  return key === NO_ID ? { kind: 'MEMBER', id: nodeUuid('Member', id) } : { kind: 'API_KEY', id: key }
}
