// The length of a field's texts, for the cost of an answer: `extensions.bytes` is read before an operation runs.

/** Reasons, and a provider's failure messages. */
export const NOTE_BYTES = 500

/** The options of a field whose texts are longer than a name: `bytes` is their bound, or their usual length. */
export function textBytes(bytes: number): { readonly extensions: { readonly bytes: number } } {
  return { extensions: { bytes } }
}
