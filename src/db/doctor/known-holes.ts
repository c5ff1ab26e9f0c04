// The PostgreSQL releases with a bug that bypasses row-level security.

export interface KnownHole {
  cve: string
  what: string
  /** Major version → the first minor release with the fix. A major version that is absent never had the bug. */
  fixedIn: Readonly<Record<number, number>>
  /**
   * The bug's precondition, where it may be absent. `sql` checks it for the role `$1`: a row names what fulfils it, in
   * `object`.
   */
  needs?: { sql: string; closed: string }
}

/** The oldest major version that gets security fixes and on which the walls are tested. */
export const OLDEST_MAJOR = 15

const KNOWN_HOLES: readonly KnownHole[] = [
  {
    cve: 'CVE-2026-14666',
    what: 'a session keeps cached plans, with their policies, after its role has lost rights',
    fixedIn: { 15: 19, 16: 15, 17: 11, 18: 6 },
    needs: {
      // The checked role can lose only its membership in bulkhead_runtime, whose policies name the tenant.
      sql: `
        SELECT 'role ' || r.rolname AS object FROM pg_catalog.pg_roles r
        WHERE (r.oid = $1::oid OR pg_has_role($1::oid, r.oid, 'MEMBER'))
          AND (r.rolsuper OR r.rolbypassrls
            OR EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relowner = r.oid AND c.relrowsecurity)
            OR r.rolname <> 'bulkhead_runtime' AND EXISTS (SELECT FROM pg_catalog.pg_policy p WHERE r.oid = ANY (p.polroles)))
        ORDER BY r.rolname LIMIT 1`,
      closed:
        "The server's role has no such right: it bypasses no policy, and each of its policies names the tenant (docs/security.md, Releases and engines)",
    },
  },
  {
    cve: 'CVE-2024-10976',
    what: 'a cached plan may keep the policies of another role below sub-queries, CTEs and views',
    fixedIn: { 15: 9, 16: 5, 17: 1 },
  },
  { cve: 'CVE-2023-39418', what: 'MERGE checks the wrong policies', fixedIn: { 15: 4 } },
]

/** The bugs of a server, by its `server_version_num` (180004 is 18.4). */
export function knownHoles(versionNum: number): KnownHole[] {
  const major = Math.floor(versionNum / 10_000)
  const minor = versionNum % 10_000
  return KNOWN_HOLES.filter(({ fixedIn }) => {
    const fixed = fixedIn[major]
    return fixed !== undefined && minor < fixed
  })
}
