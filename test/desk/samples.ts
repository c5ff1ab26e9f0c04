// The desk's samples for the tests that are generated from the schema.
import { type Api, type Session, SLUGS } from '../support/api.ts'
import { makeExport } from '../support/make-export.ts'
import { grantSupport, invitee, newMember } from '../support/people.ts'
import type { Maker, ModuleSamples } from '../support/samples.ts'
import { sealAudit } from '../support/seal-audit.ts'
import { unique } from '../support/unique.ts'

const makeMember: Maker = async (api, tenant) => (await newMember(api, tenant)).id

const scheduleErasure: Maker = async (api, tenant) => {
  const source = `mutation ($input: TenantErasureScheduleInput!) {
    tenantErasureSchedule(input: $input) { tenant { id } userErrors { message } }
  }`
  const { tenantErasureSchedule } = await api
    .as(tenant)
    .data(source, { input: { confirmation: SLUGS[tenant] } })
  return tenantErasureSchedule.tenant.id
}

/** The person invited last, by server. */
const lastInvited = new WeakMap<Api, Session>()

export const SAMPLES: ModuleSamples = {
  records: {
    Member: makeMember,
    Invitation: async (api, tenant) => (await invitee(api, tenant)).id,
    SupportGrant: (api, tenant) => grantSupport(api.as(tenant)),
    Tenant: async (api, tenant) =>
      (await api.as(tenant).data('{ viewer { tenant { id } } }')).viewer.tenant.id,
    Viewer: async (api, tenant) => (await api.as(tenant).data('{ viewer { id } }')).viewer.id,
    RoleDefinition: async (api, tenant) => (await api.as(tenant).data('{ roles { id } }')).roles[0].id,
  },
  values: {
    idempotencyKey: () => unique('key'),
    expectedVersion: () => 1,
    email: () => `${unique('somebody')}@shop.example`,
    name: () => unique('Name'),
    currency: () => 'USD',
    timeZone: () => 'Europe/Berlin',
    locale: () => 'de',
    hours: () => 1,
    reason: () => unique('Reason'),
    permission: () => 'members:read',
    permissions: () => 'members:read',
    'mutation invitationAccept: token': async (api, tenant) => {
      const { token, session } = await invitee(api, tenant)
      lastInvited.set(api, session)
      return token
    },
    confirmation: (_api, tenant) => SLUGS[tenant],
    'mutation tenantUpdate: expectedVersion': async (api, tenant) =>
      (await api.as(tenant).data('{ viewer { tenant { version } } }')).viewer.tenant.version,
    'query node: id': makeMember,
    'query nodes: ids': makeMember,
  },
  lookUps: {},
  beforehand: {
    // A tenant has one unfinished export: a second request returns it.
    'mutation exportCreate': makeExport,
    'mutation tenantErasureCancel': scheduleErasure,
  },
  askers: { 'mutation invitationAccept': (api) => lastInvited.get(api) },
  prefixes: {
    members: 'mem',
    audit_entries: 'aud',
    api_keys: 'key',
    invitations: 'inv',
    support_grants: 'grant',
    exports: 'exp',
  },
  foreign: {},
  least: { letThrough: 1, unread: 1 },
  telling: ['email', 'name'],
  sabotaged: ['query members', 'query invitations', 'mutation invitationRevoke'],
  notCompiled: {
    'Query.accessCheck': 'computed from permissions and roles, by rules of its own',
    'Query.auditHead': 'counts the entries of all seals by a statement of its own',
    'Query.integrity': 'runs the checks',
    'Query.node': 'the type of the record is known only from the id',
    'Query.nodes': 'the types of the records are known only from the ids',
    'Query.roles': 'no rows: the roles are constants',
    'Query.viewer': 'no rows: it is the caller',
    'AuditEntry.actor': 'its record is read by the kind of the actor, in a batch',
    'AuditEntry.changes': 'computed from the schema and the entry’s values, with records of several types',
    'AuditEntry.subject': 'its record is of any type, and read in a batch',
  },
  unlike: [
    // It runs at another time, and asks the provider.
    'Query.integrity',
    // A part of a random secret.
    'ApiKey.hint',
  ],
  fill: async (api, tenant) => {
    await makeMember(api, tenant)
    await sealAudit(api, tenant)
    await makeExport(api, tenant)
  },
}
