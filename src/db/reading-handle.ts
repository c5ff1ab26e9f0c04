// The handle that a request gets: it reads by itself, and makes Prisma's handle only for another operation. Prisma's takes
// some 70 µs and 10 kB, and as much again for each model that is used.
import { camelOf } from '../core/names.ts'
import type { Datamodel } from './models.ts'
import type { AnyQuery } from './reader/any-query.ts'
import { type Compiled, compileCount, compileRead } from './reader/read-sql.ts'
import type { View } from './reader/view.ts'
import type { Scope } from './scope.ts'
import type { Handle } from './tenant-client.ts'

/** Runs a statement of the tenant that returns one text, outside of a transaction. */
type ReadText = (scope: Scope, statement: Omit<Compiled, 'decode'>) => Promise<string | null>

/** `whole`: Prisma's handle of the same scope and view. */
type MakeReadingHandle = (scope: Scope, view: View, whole: () => Handle) => object

/** Makes the function that makes handles, of about a microsecond each. */
export function readingHandles(datamodel: Datamodel, readText: ReadText): MakeReadingHandle {
  const models = new Map([...datamodel.keys()].map((model) => [camelOf(model), model]))

  return (scope, view, whole) => {
    const read = async ({ decode, ...statement }: Compiled): Promise<unknown> =>
      decode(await readText(scope, statement))

    function delegateOf(name: string, model: string): object {
      const reads: Readonly<Record<PropertyKey, unknown>> = {
        readMany: async (query: AnyQuery = {}) =>
          read(compileRead(datamodel, model, query, scope.tenantId, view)),
        readCount: async (query: Pick<AnyQuery, 'where'> = {}) =>
          read(compileCount(datamodel, model, query, scope.tenantId, view)),
      }
      return lazily(reads, () => Reflect.get(whole(), name) as object)
    }

    const delegates: Record<PropertyKey, unknown> = Object.create(null)
    return new Proxy(delegates, {
      get(_, name) {
        const known = delegates[name]
        if (known !== undefined) return known
        const model = typeof name === 'string' ? models.get(name) : undefined
        if (model === undefined) return memberOf(whole(), name)
        delegates[name] = delegateOf(name as string, model)
        return delegates[name]
      },
      has: (_, name) => Reflect.has(whole(), name),
    })
  }
}

/** An object with the members of `own`, and the others of `rest`. */
function lazily(own: Readonly<Record<PropertyKey, unknown>>, rest: () => object): object {
  return new Proxy(own, {
    get: (_, name) => (Object.hasOwn(own, name) ? own[name] : memberOf(rest(), name)),
    has: (_, name) => Object.hasOwn(own, name) || Reflect.has(rest(), name),
  })
}

function memberOf(object: object, name: PropertyKey): unknown {
  const member: unknown = Reflect.get(object, name)
  return typeof member === 'function' ? member.bind(object) : member
}
