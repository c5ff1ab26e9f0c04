// Removes secrets from audit records, recognised by field name or by their own form. Pure.

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
type JsonObject = { readonly [key: string]: Json }

/** Replaces a secret, so that the audit shows its presence and its change. */
export const REDACTED = '[redacted]'

/**
 * Names of fields with secrets, or with something from which a secret could be guessed. `tokenId` and `secretSetAt` are
 * exceptions.
 */
const SECRET_NAME =
  /secret|token|password|passphrase|credential|authorization|cookie|(api|private|signing)_?key|hash$/i
const HARMLESS_NAME = /(Id|Ids|At|Count|Hint|_id|_ids|_at|_count|_hint)$/

/**
 * Keys of ours and of payment providers, signed tokens and private keys, anywhere in a text. Each part of a text is
 * scanned from at most two starting points, so that no crafted text is slow.
 */
const SECRET_VALUE =
  /\b(?:bk|sk|rk)_(?:live|test)_[\w-]{4,}|\bwhsec_[\w+/=-]{4,}|(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g

/** The same fields with each secret replaced, at any depth. Nulls stay null. */
export function redact<Fields extends JsonObject | null>(fields: Fields): Fields {
  // A string stays a string, and a secret of any type becomes one; audit fields have no narrower type.
  return redactIn(fields) as Fields
}

function redactIn(value: Json): Json {
  if (typeof value === 'string') return value.replace(SECRET_VALUE, REDACTED)
  if (typeof value !== 'object' || value === null) return value
  if (Array.isArray(value)) return (value as readonly Json[]).map(redactIn)
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [
      name,
      isSecretName(name) && field !== null ? REDACTED : redactIn(field),
    ]),
  )
}

function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name) && !HARMLESS_NAME.test(name)
}
