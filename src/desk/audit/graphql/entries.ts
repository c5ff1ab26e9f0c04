// The tenant's audit: its entries, and the head of its chain of seals. Nothing here writes.

import type { ReadWhere } from '../../../db/register.ts'
import type { AuditEntry as AuditEntryRow } from '../../../generated/prisma/client.ts'
import { anyOf } from '../../../graphql/any-of.ts'
import { spanFields, spanOf } from '../../../graphql/between.ts'
import { builder } from '../../../graphql/builder.ts'
import { pageArgs } from '../../../graphql/connections.ts'
import { describedValues } from '../../../graphql/described-values.ts'
import { Node, nodeLink } from '../../../graphql/node.ts'
import { idField, nodeIdOf } from '../../../graphql/node-ids.ts'
import { computed, projection } from '../../../graphql/projection.ts'
import { page, readField } from '../../../graphql/read.ts'
import { shownColumns } from '../../../graphql/shown-columns.ts'
import { sortOf } from '../../../graphql/sorts.ts'
import { textBytes } from '../../../graphql/text-bytes.ts'
import { AuditEntry, AuditEntryConnection } from '../../refs.ts'
import { ACTOR_TYPES, type Change } from '../entry.ts'
import { type AuditHead, auditHead } from '../head.ts'
import { changesOf, inWords } from './changes.ts'
import { actorIn, queried, subjectIn } from './find-entries.ts'

/** The number of changed fields that the cost assumes. */
const CHANGES_EXPECTED = 4
/** The length of a changed value that the cost assumes: most are numbers and names, some are descriptions. */
const VALUE_BYTES_EXPECTED = 200
/** It counts the entries of all seals. */
const HEAD_COST = 500

const ActorKind = builder.enumType('AuditActorKind', {
  description: 'SUPPORT: platform staff, under a grant of the tenant. SYSTEM: a job, or the command line.',
  values: describedValues({
    MEMBER: 'A member.',
    API_KEY: 'A program with an API key.',
    SUPPORT: 'Platform staff, under a grant of the tenant.',
    INVITED: 'An invited person, who accepted.',
    SYSTEM: 'A job, or the command line.',
  }),
})

type Actor = Pick<AuditEntryRow, 'actorKind' | 'actorId' | 'actorLabel'>
type Subject = Pick<AuditEntryRow, 'subjectType' | 'subjectId'>

function actorIdOf({ actorKind, actorId }: Actor): string | null {
  return actorId === null ? null : (nodeIdOf(ACTOR_TYPES[actorKind], actorId) ?? actorId)
}

function subjectIdOf({ subjectType, subjectId }: Subject): string {
  return nodeIdOf(subjectType, subjectId) ?? subjectId
}

const ActorType = builder.objectRef<Actor>('AuditActor').implement({
  description: 'The actor of an audit entry.',
  fields: (t) => ({
    kind: t.field({ description: 'Who, by kind.', type: ActorKind, resolve: ({ actorKind }) => actorKind }),
    actorId: t.id({
      nullable: true,
      description: 'The id of the member, the key, the support grant or the invitation; null for SYSTEM.',
      resolve: actorIdOf,
    }),
    node: nodeLink(t, actorIdOf),
    label: t.string({
      description: 'The e-mail address or the name of the key at that time.',
      resolve: ({ actorLabel }) => actorLabel,
    }),
  }),
})

const SubjectType = builder.objectRef<Subject>('AuditSubject').implement({
  description: 'The object of an audit entry.',
  fields: (t) => ({
    type: t.string({
      description: 'The kind of object, such as Order.',
      resolve: ({ subjectType }) => subjectType,
    }),
    subjectId: t.id({
      description: 'An id for `node`, where its type is a node type.',
      resolve: subjectIdOf,
    }),
    node: nodeLink(t, subjectIdOf),
  }),
})

const ChangeType = builder.objectRef<Change>('AuditChange').implement({
  description:
    'A field that was changed. Texts are unchanged, amounts are `12.50 EUR`, ids are those of the API, other values are JSON; ' +
    'secrets are `[redacted]`.',
  extensions: { isValue: true },
  fields: (t) => ({
    field: t.exposeString('field', {
      description:
        "The path of the field in the object's type: `price`, `customer`, `address.city`. What the type does not show has a name of " +
        'its own.',
    }),
    before: t.string({
      nullable: true,
      description: 'Null: no value before.',
      ...textBytes(VALUE_BYTES_EXPECTED),
      resolve: ({ before }) => inWords(before),
    }),
    after: t.string({
      nullable: true,
      description: 'Null: no value after.',
      ...textBytes(VALUE_BYTES_EXPECTED),
      resolve: ({ after }) => inWords(after),
    }),
  }),
})

AuditEntry.implement({
  description: "A change of the tenant's data, recorded in the same transaction.",
  interfaces: [Node],
  extensions: { model: 'AuditEntry', permission: 'audit:read' },
  fields: (t) => ({
    id: t.id(idField('AuditEntry')),
    actor: t.field({
      description: 'Who did it.',
      type: ActorType,
      ...computed('AuditEntry', ['actorKind', 'actorId', 'actorLabel'], (entry) => entry),
    }),
    action: t.exposeString('action', { description: 'The name of the mutation, or of the job.' }),
    subject: t.field({
      description: 'What it was done to.',
      type: SubjectType,
      ...computed('AuditEntry', ['subjectType', 'subjectId'], (entry) => entry),
    }),
    changes: t.field({
      type: [ChangeType],
      description: 'The fields whose values differ, sorted by name.',
      extensions: {
        ...projection({ columns: ['subjectType', 'before', 'after'] }).extensions,
        listSize: CHANGES_EXPECTED,
      },
      resolve: (entry, _args, _context, { schema }) =>
        changesOf(entry, shownColumns(schema, entry.subjectType)),
    }),
    requestId: t.exposeString('requestId', {
      description: 'The id of its request: the `x-request-id` of the answer and of the log lines.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was done.' }),
    recordedAt: t.expose('recordedAt', {
      type: 'DateTime',
      description: "When it was written, by the database's clock.",
    }),
  }),
})

const HeadType = builder.objectRef<AuditHead>('AuditHead').implement({
  description:
    'A link of the chain of seals. Store sequence and hash where people with access to the database cannot write: ' +
    'they prove all that was sealed until then.',
  extensions: { permission: 'audit:read', isValue: true },
  fields: (t) => ({
    sequence: t.exposeInt('sequence', { description: '0: nothing is sealed yet.' }),
    hash: t.exposeString('hash', {
      description: 'SHA-256 of this link and all links before it, in hexadecimal.',
    }),
    sealedAt: t.expose('sealedAt', {
      description: 'When it was sealed; null: nothing is yet.',
      type: 'DateTime',
      nullable: true,
    }),
    entryCount: t.exposeInt('entryCount', {
      description: 'The number of entries that it and the links before it cover.',
    }),
    unsealedCount: t.exposeInt('unsealedCount', { description: 'The number of entries recorded after it.' }),
  }),
})

const NEWEST_FIRST = sortOf('AuditEntry', 'createdAt')

const AuditEntryFilter = builder.inputType('AuditEntryFilter', {
  fields: (t) => ({
    actorKind: t.field({ description: 'Kinds of actors.', type: [ActorKind] }),
    actorId: t.id({ description: "The actor: an entry's `actor { actorId }`." }),
    action: t.stringList({ description: 'Names of mutations: `orderPlace`.' }),
    subjectType: t.string({ description: '`Order`, `Member`, …' }),
    subjectId: t.id({ description: 'Selects the history of one object.' }),
    ...spanFields(t, 'created', 'Done'),
  }),
})

function entryFilter(
  filter: typeof AuditEntryFilter.$inferInput | null | undefined,
): ReadWhere<'AuditEntry'> {
  const { actorKind, actorId, action, subjectType, subjectId } = filter ?? {}
  return {
    ...(actorKind && { actorKind: anyOf(actorKind) }),
    ...(typeof actorId === 'string' && actorIn(actorId)),
    ...(action && { action: anyOf(action) }),
    ...(typeof subjectType === 'string' && { subjectType }),
    ...(typeof subjectId === 'string' && { AND: subjectIn(subjectId) }),
    ...spanOf('createdAt', 'created', filter),
  }
}

builder.queryFields((t) => ({
  auditEntries: readField(t, {
    type: AuditEntryConnection,
    description:
      'The audit entries, latest first. `query` finds words in the actor, the action, the request id and the values before and ' +
      'after, as they are stored: amounts in minor units. An id in it finds the entries about that object, and those of that actor.',
    args: { ...pageArgs(t.arg), query: t.arg.string(), filter: t.arg({ type: AuditEntryFilter }) },
    read: ({ query, filter, ...paging }) =>
      page({ where: { AND: [entryFilter(filter), queried(query)] }, sort: NEWEST_FIRST }, paging),
  }),
  auditHead: t.field({
    type: HeadType,
    nullable: true,
    description:
      'The newest seal of the audit, or the one with this number; null when there is no such seal.',
    extensions: { cost: HEAD_COST },
    args: { sequence: t.arg.int({ description: 'The number of a seal. Default: the newest.' }) },
    resolve: (_root, { sequence }, { caller }) => auditHead(caller, sequence ?? null),
  }),
}))
