// Invites and removes people through the API, with the mail job and the mailbox.
import { expect } from 'vitest'
import type { Role } from '../../src/auth/permissions.ts'
import { decodeId } from '../../src/core/ids.ts'
import { invitationTask } from '../../src/desk/members/send-invitation.ts'
import type { Api, Data, Session, TenantKey } from './api.ts'
import { asOwner } from './database.ts'
import { done } from './done.ts'
import { systemOf } from './system.ts'
import { unique } from './unique.ts'

export const INVITE = `mutation ($input: MemberInviteInput!) { memberInvite(input: $input) {
  invitation { id email name role status invitedBy expiresAt sentAt createdAt } userErrors { field message code } } }`
export const ACCEPT = `mutation ($input: InvitationAcceptInput!) { invitationAccept(input: $input) {
  member { id email name role status version } userErrors { field message code } } }`
export const REVOKE = `mutation ($input: InvitationRevokeInput!) { invitationRevoke(input: $input) {
  invitation { id status } userErrors { field message code } } }`
export const CHANGE_ROLE = `mutation ($input: MemberChangeRoleInput!) { memberChangeRole(input: $input) {
  member { id role status version } userErrors { field message code } } }`
export const REMOVE = `mutation ($input: MemberRemoveInput!) { memberRemove(input: $input) {
  member { id role status version } userErrors { field message code } } }`

export const newEmail = () => `${unique('person')}@people.example`

/** The UUID of a global id. */
export const uuidOf = (id: string) => decodeId(id)?.uuid ?? ''

/** The answer of one of the mutations above. */
export async function manage(session: Session, source: string, input: object): Promise<Data> {
  return Object.values((await session.data(source, { input })) as object)[0]
}

/** The codes of its user errors; empty when it succeeds. */
export async function codesOf(session: Session, source: string, input: object): Promise<string[]> {
  return (await manage(session, source, input)).userErrors.map(({ code }: { code: string }) => code)
}

/** Invites, and returns the invitation's id. */
export async function invite(
  session: Session,
  input: { email: string; role: Role; name?: string },
): Promise<string> {
  const { invitation, userErrors } = await manage(session, INVITE, input)
  expect(userErrors).toEqual([])
  return invitation.id
}

/** Runs the mail job of an invitation now. */
export async function sendMail(api: Api, tenant: TenantKey, invitationId: string): Promise<void> {
  const payload = { invitationId: uuidOf(invitationId) }
  await invitationTask(api.services).run(await systemOf(api, tenant), payload)
}

/** The token in the last mail to the address. */
export async function tokenFor(api: Api, email: string): Promise<string> {
  const mail = (await api.mailbox.list()).find(({ to }) => to === email)
  return /Token: +([\w-]{43})$/m.exec(mail?.text ?? '')?.[1] ?? `no mail to ${email}`
}

export interface Invited {
  id: string
  email: string
  token: string
  session: Session
}

/** A person with an open invitation. */
export async function invitee(
  api: Api,
  tenant: TenantKey,
  role: Role = 'STAFF',
  email: string = newEmail(),
): Promise<Invited> {
  const id = await invite(api.as(tenant), { email, role })
  await sendMail(api, tenant, id)
  return { id, email, token: await tokenFor(api, email), session: api.asPerson(tenant, email) }
}

export interface Joined {
  id: string
  email: string
  session: Session
}

/** A new member, of version 1. */
export async function newMember(
  api: Api,
  tenant: TenantKey,
  role: Role = 'STAFF',
  email: string = newEmail(),
): Promise<Joined> {
  const { token, session } = await invitee(api, tenant, role, email)
  const { member, userErrors } = await manage(session, ACCEPT, { token })
  expect(userErrors).toEqual([])
  return { id: member.id, email, session }
}

/** Grants platform staff READ access for an hour; returns the grant's id. */
export async function grantSupport(session: Session): Promise<string> {
  const { supportGrant } = await done(
    session,
    `mutation ($input: SupportAccessGrantInput!) {
      supportAccessGrant(input: $input) { supportGrant { id } userErrors { field message code } }
    }`,
    { hours: 1, reason: unique('Reason') },
  )
  return supportGrant.id
}

/** The API id and the version of a member of startApi. */
export async function memberOf(session: Session, email: string): Promise<{ id: string; version: number }> {
  const { members } = await session.data('{ members(first: 100) { nodes { id email version } } }')
  return members.nodes.find((member: { email: string }) => member.email === email)
}

/** The rows of a statement by the tables' owner within the tenant. */
export async function rowsIn(
  api: Api,
  tenant: TenantKey,
  sql: string,
  values: unknown[] = [],
  // biome-ignore lint/suspicious/noExplicitAny: a row has the shape that the test's own statement asks for.
): Promise<any[]> {
  return await asOwner(
    api.database,
    api.tenantIds[tenant],
    async (owner) => (await owner.query(sql, values)).rows,
  )
}
