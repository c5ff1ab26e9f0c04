// The database access of `typical`: Prisma over pg, with the tenant set by the extension in Prisma's documentation.
import { PrismaPg } from '@prisma/adapter-pg'
import { PrismaClient } from '../.data/generated/client/client.ts'

export function openPrisma(url: string, connectionsMax: number): PrismaClient {
  return new PrismaClient({ adapter: new PrismaPg({ connectionString: url, max: connectionsMax }) })
}

/** https://github.com/prisma/prisma-client-extensions/tree/main/row-level-security */
export function documentedExtension(prisma: PrismaClient, tenantId: string) {
  return prisma.$extends({
    query: {
      $allModels: {
        async $allOperations({ args, query }) {
          const [, result] = await prisma.$transaction([
            prisma.$executeRaw`SELECT set_config('app.tenant_id', ${tenantId}, TRUE), set_config('app.permissions', '*', TRUE)`,
            // The documented extension does the same: the type of `query` does not say that it is a PrismaPromise.
            query(args) as never,
          ])
          return result
        },
      },
    },
  })
}
