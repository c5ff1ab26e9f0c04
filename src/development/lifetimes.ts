// How long what the development issuer gives is valid.

/** Short, so that development exercises refreshing too. */
export const ACCESS_TOKEN_SECONDS = 10 * 60
export const CODE_SECONDS = 60
export const CHOICE_SECONDS = 60 * 60
export const SESSION_SECONDS = 14 * 86_400
