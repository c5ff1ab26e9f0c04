// English plurals, for names that are made of a model's.

/** `booking` → `bookings`, `delivery` → `deliveries`, `box` → `boxes`. Irregular ones (`person`) get an s. */
export function pluralOf(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`
  return /(s|x|z|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`
}
