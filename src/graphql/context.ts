// What every resolver is given. `db` is the tenant's handle; reads go through it, writes through the caller's commands.
import type { Caller } from '../commands/caller.ts'
import type { TenantClient } from '../db/database.ts'

export type Context = {
  readonly caller: Caller
  readonly db: TenantClient
  /** What the response's `extensions` will say beside the cost; a resolver may add to it. */
  readonly extensions: Record<string, unknown>
}
