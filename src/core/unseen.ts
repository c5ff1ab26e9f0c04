// Owns: the list of characters that have a code and no picture, beside controls and blanks. The database has the same list
// in app.is_email; test/db/one-identity.test.ts holds the two equal.

/**
 * Within the brackets of a regular expression with the flag `u`: what Unicode says is ignored (joiners, fillers, variation
 * selectors), a Braille cell without dots, the filler of Khitan, and a note without a head. Formats (`\p{Cf}`), controls and
 * private use are categories of their own.
 */
export const NO_GLYPH = String.raw`\p{Default_Ignorable_Code_Point}\u2800\u{16FE4}\u{1D159}`
