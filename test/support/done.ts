// The payload of a mutation that must succeed.
import type { Data, Session } from './api.ts'

/** The payload of a mutation with one field that must have no user errors. */
export async function done(session: Session, source: string, input: Record<string, unknown>): Promise<Data> {
  const [payload] = Object.values((await session.data(source, { input })) as Record<string, Data>)
  if (payload.userErrors.length > 0) throw new Error(`${source}: ${JSON.stringify(payload.userErrors)}`)
  return payload
}
