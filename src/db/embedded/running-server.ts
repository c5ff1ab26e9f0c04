// Finds the embedded PostgreSQL that another process runs, for a command beside the server.
import pg from 'pg'
import { readCredentials } from './embedded-cluster.ts'
import { type EmbeddedUrls, embeddedUrls, rememberedPort } from './embedded-server.ts'

const CONNECT_TIMEOUT_MS = 5_000

/**
 * The connection strings of the PostgreSQL of `dataDir` if it answers now; null when it does not run. It may end at any
 * moment, since it is another process's. Another program on the remembered port does not have the passwords.
 */
export async function findRunningServer(dataDir: string): Promise<EmbeddedUrls | null> {
  const [port, credentials] = await Promise.all([rememberedPort(dataDir), readCredentials(dataDir)])
  if (port === undefined || credentials === null) return null
  const urls = embeddedUrls(credentials, port)
  return (await answers(urls.ownerUrl)) ? urls : null
}

async function answers(url: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: CONNECT_TIMEOUT_MS })
  client.on('error', () => {}) // a server that ends just now has answered all the same
  try {
    await client.connect()
    await client.end()
    return true
  } catch {
    return false
  }
}
