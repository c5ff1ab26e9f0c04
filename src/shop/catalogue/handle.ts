// A product's name in URLs.

export const HANDLE_LENGTH_MAX = 255

/** The handle of a title: `Étoile & Söhne` makes `etoile-sohne`. Empty when the title has no letter or digit. */
export function handleOf(text: string): string {
  return text
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, HANDLE_LENGTH_MAX)
    .replace(/-$/, '')
}
