// What a webhook endpoint's signing secret looks like, where a merchant gives one.
import { z } from 'zod'

export const SECRET_LENGTH_MAX = 500

export const webhookSecretSchema = z
  .string()
  .trim()
  .regex(/^whsec_\S+$/, 'starts with whsec_')
  .max(SECRET_LENGTH_MAX, `at most ${SECRET_LENGTH_MAX} characters`)
