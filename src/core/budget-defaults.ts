// Defaults of a tenant's cost budget and of the answer size.

/** The points of a full budget, twenty operations of the maximum cost; and the points restored per second. */
export const BUDGET_CAPACITY = 200_000
export const BUDGET_RESTORE_PER_SECOND = 20_000
/** Per answer of /graphql. */
export const ANSWER_BYTES_MAX = 8 * 1_048_576
