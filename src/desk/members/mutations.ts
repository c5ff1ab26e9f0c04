// The mutations of members and invitations. The use cases hold the rules.
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
    'Invites somebody by e-mail, with a role that may do no more than the caller. Only the token in the mail lets them ' +
    'accept, once and within seven days. A removed member returns this way.',
  fields: (t) => ({
    email: t.string({ required: true }),
    role: t.field({ type: Role, required: true }),
    name: t.string({ description: 'Their name, which they may change when they accept.' }),
  }),
  result: { field: 'invitation', type: Invitation, model: 'Invitation' },
  run: (caller, input, { mail }) => inviteMember(caller, mail, input),
})

addMutation(invitationAccept, {
  description:
    'Accepts an invitation. The caller must be signed in with the invited address, and can do nothing else here ' +
    'until then.',
  fields: (t) => ({
    token: t.string({ required: true, description: 'The token in the mail.' }),
    name: t.string({ description: 'Your name.' }),
  }),
  result: { field: 'member', type: Member, model: 'Member' },
  run: (caller, input, { sessions }) => acceptInvitation(caller, sessions, input),
})

addMutation(invitationRevoke, {
  description: 'Revokes an invitation that is not accepted yet.',
  fields: (t) => ({ id: t.id({ required: true }) }),
  result: { field: 'invitation', type: Invitation, model: 'Invitation' },
  run: (caller, { id, ...input }, { sessions }) =>
    revokeInvitation(caller, sessions, { id: nodeUuid('Invitation', id), ...input }),
})

addMutation(memberChangeRole, {
  description:
    'Gives a member another role. Neither the present nor the new role may do more than the caller. API keys that ' +
    'they made and that may do more than the new role are revoked, and open invitations that they sent end when the new ' +
    'role could not send them. The last owner keeps the role.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    role: t.field({ type: Role, required: true }),
    keepApiKeys: t.boolean({
      defaultValue: false,
      description: 'Makes you the creator of their keys, which then end with your membership. Owners only.',
    }),
    keepInvitations: t.boolean({
      defaultValue: false,
      description: 'Keeps their open invitations, in your name. Owners only.',
    }),
  }),
  result: { field: 'member', type: Member, model: 'Member' },
  run: (caller, { id, ...input }, { sessions }) =>
    changeRole(caller, sessions, {
      id: nodeUuid('Member', id),
      ...input,
    }),
})

addMutation(memberRemove, {
  description:
    'Removes a member who may do no more than the caller, or the caller. The API keys that they made are revoked, ' +
    'and the open invitations that they sent end. The last owner cannot be removed.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    keepApiKeys: t.boolean({
      defaultValue: false,
      description: 'Makes you the creator of their keys, which then end with your membership. Owners only.',
    }),
    keepInvitations: t.boolean({
      defaultValue: false,
      description: 'Keeps their open invitations, in your name. Owners only.',
    }),
  }),
  result: { field: 'member', type: Member, model: 'Member' },
  run: (caller, { id, ...input }, { sessions }) =>
    removeMember(caller, sessions, {
      id: nodeUuid('Member', id),
      ...input,
    }),
})
