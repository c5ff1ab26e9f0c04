// Verifies the origin of a tenant's file by its mac. Reads no file.
import { AppError } from '../../core/errors.ts'
import type { Sealer } from '../../core/seal.ts'

const PURPOSE = 'tenant file'

/** The mac of a file by the checksum of its bytes, hexadecimal. */
export function fileMac(sha256: string, sealer: Sealer): string {
  return Buffer.from(sealer.mac(Buffer.from(sha256), PURPOSE)).toString('hex')
}

export type SignedFile = {
  readonly header: { readonly installation: string; readonly key: string }
  /** Of its bytes, computed and compared. */
  readonly sha256: string
  readonly mac: string
}

/** `OWN`: made by a key of this installation, and unaltered. `TRUSTED`: from elsewhere, accepted by --trust. */
export type FileOrigin = 'OWN' | 'TRUSTED'

/**
 * Throws BAD_USER_INPUT for a file that was altered after a key of ours had signed it, trusted or not; and for one
 * whose key is not configured, unless it is trusted.
 */
export function requireOrigin(
  { header, sha256, mac }: SignedFile,
  {
    sealer,
    installation,
    trust,
  }: { readonly sealer: Sealer; readonly installation: string; readonly trust: boolean },
): FileOrigin {
  const verdict = sealer.checkMac(Buffer.from(sha256), Buffer.from(mac, 'hex'), header.key, PURPOSE)
  if (verdict === 'GOOD') return 'OWN'
  if (verdict === 'BAD') {
    throw refusal(
      'it was altered after this installation had made it, and is not restored with --trust either',
    )
  }
  if (trust) return 'TRUSTED'
  const whose =
    header.installation === installation
      ? `it says that this installation made it, by the key ${header.key}, which is not configured (SECRETS_KEY_PREVIOUS)`
      : `it comes from another installation, ${header.installation}`
  throw refusal(
    `${whose}: its checksum is right, but this installation cannot verify its content. ` +
      'If you trust its source, restore it with --trust',
  )
}

function refusal(why: string): AppError {
  return new AppError('BAD_USER_INPUT', `this file was not restored: ${why}`)
}
