// Whether a header can be a provider's signature of now, before anything is read or looked up for its sake. Whether it is
// one, the account's secret says.

/** A provider sends one signature for each secret that counts: a handful. */
const LENGTH_MAX = 1_000
const FORM =
  /^t=\d{1,12}(,[a-z][a-z0-9]*=[0-9a-f]{2,128})*,v1=[0-9a-f]{64}(,[a-z][a-z0-9]*=[0-9a-f]{2,128})*$/

export function looksSigned(header: unknown): header is string {
  return typeof header === 'string' && header.length <= LENGTH_MAX && FORM.test(header)
}
