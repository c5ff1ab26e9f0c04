// The form of a webhook endpoint's signing secret that a merchant enters.
import { z } from 'zod'

export const SECRET_LENGTH_MAX = 500

export const webhookSecretSchema = z
  .string()
  .trim()
  .regex(/^whsec_\S+$/, 'starts with whsec_')
  .max(SECRET_LENGTH_MAX)
