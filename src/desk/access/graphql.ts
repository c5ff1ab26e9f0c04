// The table of roles, and the query that explains whether somebody may do something.

import { PERMISSIONS, permissionsOf, ROLES } from '../../auth/permissions.ts'
import { NO_ID, uuidOfText } from '../../core/ids.ts'
import { builder } from '../../graphql/builder.ts'
import { describedValues } from '../../graphql/described-values.ts'
import { defineNodeWithoutModel, isHere, Node } from '../../graphql/node.ts'
import { nodeUuid } from '../../graphql/node-ids.ts'
import { NOTE_BYTES, textBytes } from '../../graphql/text-bytes.ts'
import { Role } from '../refs.ts'
import { type AccessAnswer, type AccessReason, checkAccess, type Subject } from './check-access.ts'

/** A role as an object. Its UUID follows from its name, so that it is the same wherever and whenever it is shown. */
type RoleObject = { readonly role: (typeof ROLES)[number]; readonly uuid: string }

const DEFINITIONS: readonly RoleObject[] = ROLES.map((role) => ({ role, uuid: uuidOfText(`role ${role}`) }))

const roleId = defineNodeWithoutModel(
  'role',
  'RoleDefinition',
  (uuid) => DEFINITIONS.find((definition) => definition.uuid === uuid) ?? null,
)

const RoleDefinition = builder.objectRef<RoleObject>('RoleDefinition').implement({
  description: 'The permissions of a role.',
  interfaces: [Node],
  extensions: { permission: 'members:read' },
  fields: (t) => ({
    id: t.id({ resolve: ({ uuid }) => roleId(uuid) }),
    name: t.field({ description: 'The role.', type: Role, resolve: ({ role }) => role }),
    permissions: t.stringList({
      description: 'In the form object:action. A key may get any of them that its creator has.',
      extensions: { listSize: PERMISSIONS.length },
      resolve: ({ role }) => PERMISSIONS.filter((permission) => permissionsOf(role).has(permission)),
    }),
  }),
})

const AccessReasonCode = builder.enumType('AccessReasonCode', {
  description: 'Why somebody has a permission, or lacks it.',
  values: describedValues<AccessReason['code']>({
    GRANTED: 'It is held.',
    PERMISSION_UNKNOWN: 'There is no such permission.',
    ROLE_LACKS: "The member's role does not contain it.",
    MEMBER_REMOVED: 'The member was removed.',
    KEY_LACKS: 'The key was made without it.',
    KEY_MAKER_LACKS: 'The member behind the key lacks it.',
    KEY_EXPIRED: 'The key has expired.',
    KEY_REVOKED: 'The key was revoked.',
    SUPPORT_LACKS: 'The grant of platform staff does not contain it.',
    NOT_FOUND: 'There is no such member or key.',
  }),
})

const Reason = builder.objectRef<AccessReason>('AccessReason').implement({
  description: 'A reason for or against a permission.',
  extensions: { isValue: true },
  fields: (t) => ({
    code: t.field({
      description: 'The reason, for programs.',
      type: AccessReasonCode,
      resolve: ({ code }) => code,
    }),
    message: t.exposeString('message', { description: 'The reason, for people.', ...textBytes(NOTE_BYTES) }),
  }),
})

/** There are rarely more than two reasons. */
const REASONS_EXPECTED = 2

const AccessCheck = builder.objectRef<AccessAnswer>('AccessCheck').implement({
  description: 'Whether a member or a key may do something, and why.',
  extensions: { isValue: true },
  fields: (t) => ({
    allowed: t.exposeBoolean('allowed', { description: 'Whether they may.' }),
    reasons: t.field({
      type: [Reason],
      description: 'What grants it, or every reason against it.',
      extensions: { listSize: REASONS_EXPECTED },
      resolve: ({ reasons }) => reasons,
    }),
  }),
})

builder.queryFields((t) => ({
  roles: t.field({
    type: [RoleDefinition],
    description:
      'The roles, each with its permissions, the most powerful first. `viewer` has those of the caller. Needs members:read.',
    extensions: { listSize: ROLES.length },
    resolve: () => DEFINITIONS,
  }),
  accessCheck: t.field({
    type: AccessCheck,
    description:
      'Whether a member or a key may do something, and why. Needs members:read; keys:manage for a key other than the caller.',
    extensions: { permission: 'members:read' },
    args: {
      subject: t.arg.id({ description: 'The id of a member or a key. Default: the caller.' }),
      permission: t.arg.string({
        required: true,
        description: 'One of those listed by `roles`, such as orders:write.',
      }),
      id: t.arg.id({ description: 'The id of the object.' }),
    },
    resolve: async (_root, { subject, permission, id }, context, info) =>
      await checkAccess(context.caller, {
        subject: subjectOf(subject ?? null),
        permission,
        isHere: id == null ? null : await isHere(id, context, info),
      }),
  }),
}))

/** An id of neither type counts as a missing member. */
function subjectOf(id: string | null): Subject {
  if (id === null) return { kind: 'CALLER' }
  const key = nodeUuid('ApiKey', id)
  return key === NO_ID ? { kind: 'MEMBER', id: nodeUuid('Member', id) } : { kind: 'API_KEY', id: key }
}
