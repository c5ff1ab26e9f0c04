// The tenant's audit: its entries, and the head of the chain of seals that is on them. Nothing here writes.
import { isUuid, NO_ID } from '../../core/ids.ts'
import type { Filter } from '../../db/reader/read-sql.ts'
import type { AuditEntry as AuditEntryRow } from '../../generated/prisma/client.ts'
import { anyOf } from '../../graphql/any-of.ts'
import { builder } from '../../graphql/builder.ts'
import { pageArgs } from '../../graphql/connections.ts'
import { Node } from '../../graphql/node.ts'
import { nodeId, nodeIdOf, nodeOf } from '../../graphql/node-ids.ts'
import { projection } from '../../graphql/projection.ts'
import { readPage } from '../../graphql/read.ts'
import { search } from '../../graphql/search.ts'
import { textBytes } from '../../graphql/text-bytes.ts'
import { AuditEntry, AuditEntryConnection } from '../refs.ts'
import { ACTOR_TYPES, type Change, changesOf } from './entry.ts'
import { type AuditHead, auditHead } from './head.ts'

/** What a change's fields are taken to be when the cost is counted. */
const CHANGES_EXPECTED = 4
/** Of a changed value: most are numbers and names, though a description may be among them. */
const VALUE_BYTES_EXPECTED = 200
/** It adds up all seals that there are. */
const HEAD_COST = 500

const ActorKind = builder.enumType('AuditActorKind', {
  description:
    "SUPPORT: one of the platform's people, by leave of the tenant. SYSTEM: a job, or the command line.",
  values: ['MEMBER', 'API_KEY', 'SUPPORT', 'INVITED', 'SYSTEM'],
})

const ActorType = builder.objectRef<AuditEntryRow>('AuditActor').implement({
  description: 'Who did it.',
  fields: (t) => ({
    kind: t.field({ type: ActorKind, resolve: ({ actorKind }) => actorKind }),
    id: t.id({
      nullable: true,
      description: 'Of the member, the key, the support grant or the invitation; null: nobody asked.',
      resolve: ({ actorKind, actorId }) =>
        actorId === null ? null : (nodeIdOf(ACTOR_TYPES[actorKind], actorId) ?? actorId),
    }),
    label: t.string({
      description: 'The e-mail address or the name of the key, as it was then.',
      resolve: ({ actorLabel }) => actorLabel,
    }),
  }),
})

const SubjectType = builder.objectRef<AuditEntryRow>('AuditSubject').implement({
  description: 'What it was done to.',
  fields: (t) => ({
    type: t.string({ resolve: ({ subjectType }) => subjectType }),
    id: t.id({
      description: 'Look it up with `node`, where its type is one.',
      resolve: ({ subjectType, subjectId }) => nodeIdOf(subjectType, subjectId) ?? subjectId,
    }),
  }),
})

const ChangeType = builder.objectRef<Change>('AuditChange').implement({
  description:
    'A field that was changed. Texts stand as they are, other values as JSON; secrets are `[redacted]`.',
  fields: (t) => ({
    field: t.exposeString('field'),
    before: t.exposeString('before', {
      nullable: true,
      description: 'Null where it had no value.',
      ...textBytes(VALUE_BYTES_EXPECTED),
    }),
    after: t.exposeString('after', {
      nullable: true,
      description: 'Null where it has none any more.',
      ...textBytes(VALUE_BYTES_EXPECTED),
    }),
  }),
})

AuditEntry.implement({
  description: "One change of the tenant's data, written with it: neither is there without the other.",
  interfaces: [Node],
  extensions: { model: 'AuditEntry', permission: 'audit:read' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('AuditEntry', id) }),
    actor: t.field({
      type: ActorType,
      ...projection({ columns: ['actorKind', 'actorId', 'actorLabel'] }),
      resolve: (entry) => entry,
    }),
    action: t.exposeString('action', { description: 'The name of the mutation, or of the job.' }),
    subject: t.field({
      type: SubjectType,
      ...projection({ columns: ['subjectType', 'subjectId'] }),
      resolve: (entry) => entry,
    }),
    changes: t.field({
      type: [ChangeType],
      description: 'By the names of the fields.',
      extensions: { ...projection({ columns: ['before', 'after'] }).extensions, listSize: CHANGES_EXPECTED },
      resolve: changesOf,
    }),
    requestId: t.exposeString('requestId', {
      description:
        'Of the request it came with: the `x-request-id` of its answer, and of its lines in the log.',
    }),
    createdAt: t.expose('createdAt', { type: 'DateTime', description: 'When it was done.' }),
    recordedAt: t.expose('recordedAt', {
      type: 'DateTime',
      description: "When it was written, by the database's own clock, which no program sets.",
    }),
  }),
})

const HeadType = builder.objectRef<AuditHead>('AuditHead').implement({
  description:
    'A link of the chain of seals. Keep sequence and hash where nobody who can write to the database can: ' +
    'they prove all that was sealed until then.',
  extensions: { permission: 'audit:read' },
  fields: (t) => ({
    sequence: t.exposeInt('sequence', { description: '0: nothing was sealed yet.' }),
    hash: t.exposeString('hash', {
      description: 'SHA-256 of the link and of all before it, in hexadecimal.',
    }),
    sealedAt: t.expose('sealedAt', { type: 'DateTime', nullable: true }),
    entryCount: t.exposeInt('entryCount', { description: 'Entries under it and the links before it.' }),
    unsealedCount: t.exposeInt('unsealedCount', { description: 'Entries recorded after it.' }),
  }),
})

const AuditEntryFilter = builder.inputType('AuditEntryFilter', {
  fields: (t) => ({
    actorKind: t.field({ type: [ActorKind] }),
    actorId: t.id({ description: "Who did it: an entry's `actor { id }`." }),
    action: t.stringList({ description: 'Names of mutations: `orderPlace`.' }),
    subjectType: t.string({ description: '`Order`, `Member`, …' }),
    subjectId: t.id({ description: 'The history of one object.' }),
    createdFrom: t.field({ type: 'DateTime', description: 'Done at this instant or later.' }),
    createdBefore: t.field({ type: 'DateTime', description: 'Done before this instant.' }),
  }),
})

function entryFilter(filter: typeof AuditEntryFilter.$inferInput | null | undefined): Filter {
  const { actorKind, actorId, action, subjectType, subjectId, createdFrom, createdBefore } = filter ?? {}
  return {
    ...(actorKind && { actorKind: anyOf(actorKind) }),
    ...(typeof actorId === 'string' && { actorId: uuidIn(actorId) }),
    ...(action && { action: anyOf(action) }),
    ...(typeof subjectType === 'string' && { subjectType }),
    ...(typeof subjectId === 'string' && { AND: ofSubject(subjectId) }),
    ...((createdFrom || createdBefore) && {
      createdAt: { ...(createdFrom && { gte: createdFrom }), ...(createdBefore && { lt: createdBefore }) },
    }),
  }
}

function uuidIn(id: string): string {
  return nodeOf(id)?.uuid ?? (isUuid(id) ? id : NO_ID)
}

function ofSubject(id: string): Filter {
  const node = nodeOf(id)
  return node === null ? { subjectId: uuidIn(id) } : { subjectType: node.name, subjectId: node.uuid }
}

builder.queryFields((t) => ({
  auditEntries: t.field({
    type: AuditEntryConnection,
    description:
      "What was changed, by whom, latest first. `query` finds words in who, what, the request's id and the values " +
      'before and after.',
    args: { ...pageArgs(t.arg), query: t.arg.string(), filter: t.arg({ type: AuditEntryFilter }) },
    resolve: (_root, { query, filter, ...page }, context, info) =>
      readPage<AuditEntryRow>(
        context,
        info,
        {
          model: 'AuditEntry',
          where: {
            AND: [
              entryFilter(filter),
              search(query, (word) => [
                { actorLabel: word },
                { action: word },
                { subjectType: word },
                { requestId: word },
                { before: word },
                { after: word },
              ]),
            ],
          },
          sort: { column: 'createdAt', type: 'date', descending: true },
        },
        page,
      ),
  }),
  auditHead: t.field({
    type: HeadType,
    nullable: true,
    description:
      'The newest seal on the audit, or the one with this number; null when there is no such seal.',
    extensions: { cost: HEAD_COST },
    args: { sequence: t.arg.int() },
    resolve: (_root, { sequence }, { caller }) => auditHead(caller, sequence ?? null),
  }),
}))
