// What a tenant may spend, and what an answer may have, where the configuration says nothing else.

/** Points that a tenant may save up, twenty of the dearest operations at once, and gets back in a second. */
export const BUDGET_CAPACITY = 200_000
export const BUDGET_RESTORE_PER_SECOND = 20_000
/** Of an answer of /graphql. */
export const ANSWER_BYTES_MAX = 8 * 1_048_576
