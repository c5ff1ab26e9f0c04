// How long a field's texts may be, for the price of an answer: read as `extensions.bytes` before an operation runs.

/** Reasons, and what a provider says of a failure. */
export const NOTE_BYTES = 500

/** The options of a field whose texts are longer than a name: `bytes` is their bound, or what they usually take. */
export function textBytes(bytes: number): { readonly extensions: { readonly bytes: number } } {
  return { extensions: { bytes } }
}
