// The schema builder and its scalar types. Domains add their types in their own graphql.ts.
import SchemaBuilder from '@pothos/core'
import type { JsonObject } from '../commands/outcome.ts'
import type { Context } from './context.ts'
import {
  bigIntScalar,
  currencyScalar,
  dateScalar,
  dateTimeScalar,
  decimalScalar,
  jsonScalar,
} from './scalars.ts'

export type SchemaTypes = {
  Context: Context
  DefaultFieldNullability: false
  DefaultInputFieldRequiredness: false
  Scalars: {
    ID: { Input: string; Output: string }
    DateTime: { Input: Date; Output: Date }
    /** `2026-01-31` */
    Date: { Input: string; Output: string }
    BigInt: { Input: bigint; Output: bigint }
    Decimal: { Input: string; Output: string }
    Currency: { Input: string; Output: string }
    JSON: { Input: never; Output: JsonObject }
  }
}

export const builder = new SchemaBuilder<SchemaTypes>({ defaultFieldNullability: false })

builder.addScalarType('DateTime', dateTimeScalar)
builder.addScalarType('Date', dateScalar)
builder.addScalarType('BigInt', bigIntScalar)
builder.addScalarType('Decimal', decimalScalar)
builder.addScalarType('Currency', currencyScalar)
builder.addScalarType('JSON', jsonScalar)
