// Checks that a header has the form of a provider's signature, before anything is read or looked up. The account's
// secret verifies it later.

/** A provider sends one signature for each valid secret: a handful. */
const LENGTH_MAX = 1_000
const FORM =
  /^t=\d{1,12}(,[a-z][a-z0-9]*=[0-9a-f]{2,128})*,v1=[0-9a-f]{64}(,[a-z][a-z0-9]*=[0-9a-f]{2,128})*$/

export function looksSigned(header: unknown): header is string {
  return typeof header === 'string' && header.length <= LENGTH_MAX && FORM.test(header)
}
