// The entry `bulkhead/graphql` of the package: an API and its commands over another project's own Prisma client.
// docs/walls-package.md shows its use. Imports nothing that was generated of this program's schema.
import { randomUUID } from 'node:crypto'
import type { Actor } from '../auth/command-context.ts'
import { type Permission, writesOf } from '../auth/permissions.ts'
import { type Clock, systemClock } from '../core/clock.ts'
import { createLogger, type Logger } from '../core/logger.ts'
import type { TenantWalls } from '../db/register.ts'
import type { Context, Services } from '../graphql/context.ts'
import { viewOf } from '../graphql/visibility.ts'

export type { Actor, CommandContext } from '../auth/command-context.ts'
export {
  type AreasOf,
  definePermissions,
  type Permission,
  type PermissionAreas,
  permissionsOf,
  type Role,
  requirePermission,
  writerNames,
} from '../auth/permissions.ts'
export { type Command, defineCommand, type InputOf, type Keyed, NO_INPUT } from '../commands/command.ts'
export { type Constraint, constraint, refusedBy } from '../commands/constraint.ts'
export { auditOf, EDIT_ERRORS, edit, notFound } from '../commands/edit.ts'
export { defineErrorCodes } from '../commands/error-codes.ts'
export type { Executed } from '../commands/executed.ts'
export { type Done, done, type Refused, refused } from '../commands/outcome.ts'
export { runCommand, runInternalCommand, type Work } from '../commands/run-command.ts'
export {
  type EnumName,
  type ModelName,
  type Register,
  type RowOf,
  registerSchema,
  type TenantClient,
  type TenantWalls,
  type Transaction,
} from '../db/register.ts'
export { buildSchema } from '../graphql/build-schema.ts'
export { builder } from '../graphql/builder.ts'
export { connectionOf, pageArgs, relationListField } from '../graphql/connections.ts'
export type { Context, Services } from '../graphql/context.ts'
export { moneyField } from '../graphql/money.ts'
export { addMutation } from '../graphql/mutation.ts'
export { Node } from '../graphql/node.ts'
export { defineNodes, idField, nodeId, nodeUuid } from '../graphql/node-ids.ts'
export { computed, projection } from '../graphql/projection.ts'
export { one, page, readField } from '../graphql/read.ts'
export { connectionRef, enumRef, nodeRef } from '../graphql/refs.ts'
export { relation } from '../graphql/relations.ts'
export { type ActionOptions, action } from '../graphql/resource/action.ts'
export {
  money,
  type Part,
  type Resource,
  type ResourceOptions,
  resource,
} from '../graphql/resource/resource.ts'
export { sortOf, sortsOf } from '../graphql/sorts.ts'

const WARNINGS = createLogger('warn')

export type ContextOptions = {
  readonly walls: TenantWalls
  /** From a verified identity, never from a request's arguments. */
  readonly tenantId: string
  readonly actor: Actor
  readonly permissions: ReadonlySet<Permission>
  readonly services: Services
  /** Names the request in the audit. Default: a new UUID. */
  readonly requestId?: string
  readonly clock?: Clock
  readonly logger?: Logger
}

/** The context of one request, for the server's `contextValue`. Its `caller` is also what commands take. */
export function contextOf({
  walls,
  tenantId,
  actor,
  permissions,
  services,
  requestId = randomUUID(),
  clock = systemClock,
  logger = WARNINGS,
}: ContextOptions): Context {
  const scope = { tenantId, writes: writesOf(permissions), caller: `${actor.kind} ${actor.id}` }
  return {
    caller: { scope, tenantSlug: tenantId, actor, permissions, requestId, database: walls, clock, logger },
    db: walls.forTenant(scope, viewOf(permissions)),
    services,
    extensions: {},
  }
}
