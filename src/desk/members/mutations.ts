// Who works here, as mutations. The rules stand with the use cases.
import { addMutation } from '../../graphql/mutation.ts'
import { nodeUuid } from '../../graphql/node-ids.ts'
import { Invitation, Member, Role } from '../refs.ts'
import { acceptInvitation, invitationAccept } from './accept-invitation.ts'
import { changeRole, memberChangeRole } from './change-role.ts'
import { inviteMember, memberInvite } from './invite-member.ts'
import { memberRemove, removeMember } from './remove-member.ts'
import { invitationRevoke, revokeInvitation } from './revoke-invitation.ts'

addMutation(memberInvite, {
  description:
    'Invites somebody by e-mail, with a role that may do no more than you. What the mail holds lets them, and nobody ' +
    'else, accept, once and within seven days. Somebody who was removed comes back this way.',
  fields: (t) => ({
    email: t.string({ required: true }),
    role: t.field({ type: Role, required: true }),
    name: t.string({ description: 'What to call them; they may choose otherwise.' }),
  }),
  result: { field: 'invitation', type: Invitation, model: 'Invitation' },
  run: (caller, input, { mail }) => inviteMember(caller, mail, input),
})

addMutation(invitationAccept, {
  description:
    'Accepts an invitation: for whoever is signed in with the address that it was sent to, and can do nothing else here ' +
    'until then.',
  fields: (t) => ({
    token: t.string({ required: true, description: 'Of the mail.' }),
    name: t.string({ description: 'What you want to be called.' }),
  }),
  result: { field: 'member', type: Member, model: 'Member' },
  run: (caller, input, { sessions }) => acceptInvitation(caller, sessions, input),
})

addMutation(invitationRevoke, {
  description: 'Takes an invitation back that nobody has accepted.',
  fields: (t) => ({ id: t.id({ required: true }) }),
  result: { field: 'invitation', type: Invitation, model: 'Invitation' },
  run: (caller, { id, ...input }, { sessions }) =>
    revokeInvitation(caller, sessions, { id: nodeUuid('Invitation', id), ...input }),
})

addMutation(memberChangeRole, {
  description:
    'Gives a member another role. Neither the role they have nor the one they get may do more than you. API keys that ' +
    'they made and that may do more than the new role are revoked, and open invitations that they sent end when the new ' +
    'role could not send them. The last owner stays one.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    role: t.field({ type: Role, required: true }),
    keepApiKeys: t.boolean({
      defaultValue: false,
      description: 'Keeps the keys that they made, as your own: they end with you. For an owner alone.',
    }),
    keepInvitations: t.boolean({
      defaultValue: false,
      description: 'Leaves open what they invited to, in your name. For an owner alone.',
    }),
  }),
  result: { field: 'member', type: Member, model: 'Member' },
  run: (caller, { id, keepApiKeys, keepInvitations, ...input }, { sessions }) =>
    changeRole(caller, sessions, {
      id: nodeUuid('Member', id),
      keepApiKeys: keepApiKeys ?? false,
      keepInvitations: keepInvitations ?? false,
      ...input,
    }),
})

addMutation(memberRemove, {
  description:
    'Removes somebody who may do no more than you, or lets you leave. The API keys that they made are revoked with them, ' +
    'and the open invitations that they sent end. The last owner stays.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    keepApiKeys: t.boolean({
      defaultValue: false,
      description: 'Keeps the keys that they made, as your own: they end with you. For an owner alone.',
    }),
    keepInvitations: t.boolean({
      defaultValue: false,
      description: 'Leaves open what they invited to, in your name. For an owner alone.',
    }),
  }),
  result: { field: 'member', type: Member, model: 'Member' },
  run: (caller, { id, keepApiKeys, keepInvitations, ...input }, { sessions }) =>
    removeMember(caller, sessions, {
      id: nodeUuid('Member', id),
      keepApiKeys: keepApiKeys ?? false,
      keepInvitations: keepInvitations ?? false,
      ...input,
    }),
})
