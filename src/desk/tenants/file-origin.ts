// Owns: whose a tenant's file is: the mac on it, and what is said of one that is not this installation's own. Reads no file.
import { AppError } from '../../core/errors.ts'
import type { Sealer } from '../../core/seal.ts'

const PURPOSE = 'tenant file'

/** The mac of a file by the sum of its bytes, hexadecimal. */
export function fileMac(sha256: string, sealer: Sealer): string {
  return Buffer.from(sealer.mac(Buffer.from(sha256), PURPOSE)).toString('hex')
}

export type SignedFile = {
  readonly header: { readonly installation: string; readonly key: string }
  /** Of its bytes, computed and compared. */
  readonly sha256: string
  readonly mac: string
}

/** `OWN`: made by a key of this installation, and not altered since. `TRUSTED`: somebody else's, taken on their word. */
export type FileOrigin = 'OWN' | 'TRUSTED'

/**
 * Whether a whole file may be restored. Throws BAD_USER_INPUT for one that was altered after a key of ours had signed it,
 * whatever is trusted; and, unless it is trusted, for one whose key is not here.
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
      ? `it says that this installation made it, by the key ${header.key}, which is not here (SECRETS_KEY_PREVIOUS)`
      : `it is of another installation, ${header.installation}`
  throw refusal(
    `${whose}: its sum is right, but nobody here can tell whether its people, their roles and its books are as they were. ` +
      'If you trust whoever gave it to you, restore it with --trust',
  )
}

function refusal(why: string): AppError {
  return new AppError('BAD_USER_INPUT', `this file was not restored: ${why}`)
}
