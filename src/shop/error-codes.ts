// The error codes of the shop's mutations.
import { defineErrorCodes } from '../commands/error-codes.ts'

defineErrorCodes({
  ABANDONED: 'The buyer did not confirm the payment in time.',
  AMOUNT_TOO_LARGE:
    'Less than that is left to pay or to refund. `params`: `max`, an amount with its currency.',
  AUTHENTICATION_FAILED: 'The buyer did not pass the bank’s confirmation.',
  CARD_DECLINED: 'The bank declined the card.',
  CARD_EXPIRED: 'The card has expired.',
  CURRENCY_MISMATCH: 'The amount is in another currency. `params`: `currency`, the one that is needed.',
  CURRENCY_MIXED: 'The lines have several currencies. `params`: `currencies`.',
  DUPLICATE_LINE: 'Another line of the input names the same variant, or the same line of the order.',
  INSUFFICIENT_FUNDS: 'The card has insufficient funds.',
  IN_THE_FUTURE: 'The time must not be in the future.',
  KEY_REFUSED: 'The provider’s key opens no account, or is missing.',
  METHOD_INVALID: 'The payment method is unknown to the provider, or cannot be used.',
  NOT_AVAILABLE: 'This is not available on this server: `message` says what is missing.',
  NOT_FOR_SALE: 'The variant is not for sale. `params`: `sku`.',
  PAYMENT_IN_PROGRESS: 'A payment or a refund of the order is under way: wait for its outcome.',
  PRICE_CHANGED: 'The total is not `expectedTotal`. `params`: `total`, the current one.',
  PROVIDER_NOT_CONNECTED: 'No payment provider is connected, or not the account that took the payment.',
  PROVIDER_REFUSED: 'The payment provider refused for another reason.',
  PROVIDER_UNAVAILABLE: 'The payment provider did not answer.',
  QUANTITY_TOO_LARGE: 'Fewer pieces of the line than that are left. `params`: `max`.',
  REFUND_FAILED: 'The refund failed at the provider.',
  STOCK_INSUFFICIENT: 'Not enough is in stock. `params`: `sku`, `available`, `asked`.',
  TAKEN_BY_PROVIDER: 'A payment provider took the payment, and refunds it: see refundCreate.',
  TOO_FAR: 'The time is too far ahead. `params`: `hours`, the most.',
})
