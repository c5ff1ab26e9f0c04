// What the audit must not keep: secrets, told by the name of their field or by their own form. Pure.

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
type JsonObject = { readonly [key: string]: Json }

/** Stands for a secret, so that it shows that there is one, and that it was changed. */
export const REDACTED = '[redacted]'

/** Fields that hold secrets or what a secret could be guessed from; `tokenId` and `secretSetAt` hold none. */
const SECRET_NAME =
  /secret|token|password|passphrase|credential|authorization|cookie|(api|private|signing)_?key|hash$/i
const HARMLESS_NAME = /(Id|Ids|At|Count|Hint|_id|_ids|_at|_count|_hint)$/

/**
 * Keys of ours and of payment providers, signed tokens and private keys, wherever in a text they stand. No part of a text
 * is read from more than two beginnings, so that a long one made to be slow is not.
 */
const SECRET_VALUE =
  /\b(?:bk|sk|rk)_(?:live|test)_[\w-]{4,}|\bwhsec_[\w+/=-]{4,}|(?<![\w-])eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*|-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g

/** The same fields, each secret replaced at any depth. What is null stays null. */
export function redact<Fields extends JsonObject | null>(fields: Fields): Fields {
  // Only texts become other texts, and secrets of any form a text: an audit's fields have no narrower type.
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
