// The peer `postgraphile`: PostGraphile 5, whose Grafast plans each operation into SQL, over the same tables behind
// row-level security. The verified token's tenant goes into `pgSettings`; an order is placed by the function in
// postgraphile.sql.
import { createServer } from 'node:http'
import { postgraphile } from 'postgraphile'
import { makePgService } from 'postgraphile/adaptors/pg'
import { grafserv } from 'postgraphile/grafserv/node'
import { PostGraphileAmberPreset } from 'postgraphile/presets/amber'
import { CONNECTIONS, HOST, readSetting } from './setting.ts'

const { port, databaseUrl, authenticate } = readSetting()
let requests = 0

const instance = postgraphile({
  extends: [PostGraphileAmberPreset],
  // It hides relations whose foreign key has no index of exactly its columns: here every index begins with the tenant.
  disablePlugins: ['PgIndexBehaviorsPlugin'],
  pgServices: [
    makePgService({
      connectionString: databaseUrl,
      schemas: ['public', 'bench_postgraphile'],
      poolConfig: { max: CONNECTIONS, idleTimeoutMillis: 0 },
    }),
  ],
  grafserv: { port, host: HOST, graphiql: false, websockets: false, watch: false },
  grafast: {
    explain: false,
    context: ({ node }) => {
      const { tenantId, memberId, email } = authenticate(node?.req.headers.authorization)
      requests += 1
      return {
        pgSettings: {
          'app.tenant_id': tenantId,
          'app.permissions': '*',
          'bench.member_id': memberId,
          'bench.member_email': email,
          'bench.request_id': `postgraphile-${requests}`,
        },
      }
    },
  },
})

const server = createServer()
await instance.createServ(grafserv).addTo(server)
await instance.getSchema()
process.once('SIGTERM', () => process.exit(0))
server.listen(port, HOST)
