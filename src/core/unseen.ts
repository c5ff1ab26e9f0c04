// Characters that are invisible, besides controls and spaces. The database has the same list in app.is_email;
// test/db/one-identity.test.ts compares the two.

/**
 * For a character class with the flag `u`: Unicode's default-ignorable code points (joiners, fillers, variation
 * selectors), the blank Braille pattern, the Khitan filler, and the null notehead. Format characters (`\p{Cf}`),
 * controls and private use have categories of their own.
 */
export const NO_GLYPH = String.raw`\p{Default_Ignorable_Code_Point}\u2800\u{16FE4}\u{1D159}`
