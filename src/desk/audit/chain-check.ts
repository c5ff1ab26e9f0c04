// Verifies the audit by its chain of seals: every entry is unchanged since it was sealed, none is missing or was
// inserted later, and the seals form one chain made with a configured key. Reads in pages; sealed entries do not
// change, so no common snapshot is needed.

import type { Sealer } from '../../core/seal.ts'
import type { Transaction } from '../../db/database.ts'
import { subject, VIOLATIONS_MAX, type Violation } from '../../integrity/check.ts'
import type { KeptHead, OutsideCheck, VerifiedTenant } from '../../integrity/verify.ts'
import { BEGINNING, entriesIn, hashOf, NO_HASH, SEAL_PURPOSE, type Seal, sealsAfter } from './chain.ts'

/** Seals read at once; each covers about a thousand entries. */
const PAGE_SIZE = 20

type MacSealer = Pick<Sealer, 'checkMac'>

/** The previous link, with which a link is compared. */
type Before = Pick<Seal, 'sequence' | 'untilAt' | 'hash'>

const FIRST: Before = { sequence: 0, untilAt: BEGINNING, hash: NO_HASH }

/**
 * `kept` is a head stored elsewhere. Only it reveals that the newest links were removed with their entries, since the
 * rest is a valid chain.
 */
export function auditChain(tenant: VerifiedTenant, sealer: MacSealer, kept?: KeptHead): OutsideCheck {
  return {
    name: 'audit-chain',
    description:
      'Every entry of the audit is as it was when it was sealed, and the seals are an unbroken chain.',
    async run() {
      const found = await walk(tenant, sealer, kept)
      return { count: found.length, violations: found.slice(0, VIOLATIONS_MAX) }
    },
  }
}

async function walk(
  { database, scope }: VerifiedTenant,
  sealer: MacSealer,
  kept: KeptHead | undefined,
): Promise<Violation[]> {
  const found: Violation[] = []
  const inTenant = <T>(work: (tx: Transaction) => Promise<T>) => database.withTenant(scope, work)
  /** Links since the last valid mac whose keys are not configured. */
  let unvouched: Seal[] = []
  let before = FIRST
  for (;;) {
    const page = await inTenant((tx) => sealsAfter(tx, before.sequence, PAGE_SIZE))
    for (const seal of page) {
      const broken = [...linkComplaints(seal, before), ...hashComplaints(scope.tenantId, seal)]
      found.push(...broken)
      const verdict = checkMac(seal, sealer)
      if (verdict === 'BAD') found.push(ofSeal(seal, 'its mac was not made by the key that it names'))
      if (verdict === 'KEY_UNKNOWN') unvouched.push(seal)
      // A valid mac on a hash proves all hashes before it.
      if (verdict === 'GOOD' && broken.length === 0) unvouched = []
      found.push(...(await inTenant((tx) => entryComplaints(tx, seal))))
      if (kept?.sequence === seal.sequence && kept.hash !== seal.hash) found.push(ofSeal(seal, NOT_KEPT))
      before = seal
    }
    if (page.length < PAGE_SIZE) break
  }
  if (kept !== undefined && kept.sequence > before.sequence) found.push(ofSeal(kept, endsAt(before)))
  return [...found, ...unvouched.map(keyComplaint)]
}

const NOT_KEPT = 'its hash is not the stored one: the chain was made again'

function endsAt({ sequence }: Before): string {
  return `it was stored and is missing: the chain now ends at seal ${sequence}, its newest links were removed`
}

function linkComplaints(seal: Seal, before: Before): Violation[] {
  const { sequence, fromAt, previousHash } = seal
  const due = before.sequence + 1
  if (sequence > due) {
    const missing = sequence - due === 1 ? `seal ${due} was` : `seals ${due} to ${sequence - 1} were`
    return [ofSeal(seal, `${missing} removed before it`)]
  }
  const complaints: Violation[] = []
  if (previousHash !== before.hash) {
    complaints.push(
      ofSeal(seal, `it does not follow seal ${before.sequence}: another was there when it was made`),
    )
  }
  if (fromAt !== before.untilAt) {
    complaints.push(ofSeal(seal, `it begins at ${fromAt}, where the one before it ends at ${before.untilAt}`))
  }
  return complaints
}

function hashComplaints(tenantId: string, seal: Seal): Violation[] {
  if (hashOf(tenantId, seal) === seal.hash) return []
  return [ofSeal(seal, 'it was altered: its hash is not that of what is in it')]
}

function checkMac({ hash, mac, keyId }: Seal, sealer: MacSealer) {
  return sealer.checkMac(Buffer.from(hash, 'hex'), Buffer.from(mac, 'hex'), keyId, SEAL_PURPOSE)
}

/** Entries inserted into one range are counted up to VIOLATIONS_MAX. */
async function entryComplaints(tx: Transaction, seal: Seal): Promise<Violation[]> {
  const { sequence, entryIds, entryDigests } = seal
  const sealed = new Map(entryIds.map((id, index) => [id, entryDigests[index]]))
  const present = await entriesIn(tx, seal, entryIds, entryIds.length + VIOLATIONS_MAX + 1)
  const presentIds = new Set(present.map(({ id }) => id))
  const altered = present.filter(({ id, digest }) => sealed.has(id) && sealed.get(id) !== digest)
  const slippedIn = present.filter(({ id, isInRange }) => isInRange && !sealed.has(id))
  return [
    ...altered.map(({ id }) => ofEntry(id, `it was altered after seal ${sequence} was put on it`)),
    ...entryIds
      .filter((id) => !presentIds.has(id))
      .map((id) => ofEntry(id, `it was removed: seal ${sequence} was put on it`)),
    ...slippedIn.map(({ id }) =>
      ofEntry(id, `it was inserted later: seal ${sequence} of its time has no such entry`),
    ),
  ]
}

function keyComplaint(seal: Seal): Violation {
  return ofSeal(seal, `the key ${seal.keyId} that vouches for it is not configured (SECRETS_KEY_PREVIOUS)`)
}

function ofEntry(id: string, message: string): Violation {
  return { message, subjects: [subject('AuditEntry', id)] }
}

function ofSeal({ sequence }: Pick<Seal, 'sequence'>, message: string): Violation {
  return { message: `seal ${sequence}: ${message}`, subjects: [{ type: 'AuditSeal', id: String(sequence) }] }
}
