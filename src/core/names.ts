// The forms of a model's name, for what is named after it: `PriceList` gives `priceList`, `price_list` and `price_lists`.

/** `PriceList` → `priceList`. */
export function camelOf(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1)
}

/** `priceList` → `PriceList`. */
export function pascalOf(name: string): string {
  return name.charAt(0).toUpperCase() + name.slice(1)
}

/** `PriceList` and `priceList` → `price_list`. */
export function snakeOf(name: string): string {
  return camelOf(name).replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
}

/** `PriceList` → `price list`, for messages. */
export function nounOf(name: string): string {
  return snakeOf(name).replaceAll('_', ' ')
}

/** `booking` → `bookings`, `delivery` → `deliveries`, `box` → `boxes`. Irregular ones (`person`) get an s. */
export function pluralOf(noun: string): string {
  if (/[^aeiou]y$/.test(noun)) return `${noun.slice(0, -1)}ies`
  return /(s|x|z|ch|sh)$/.test(noun) ? `${noun}es` : `${noun}s`
}
