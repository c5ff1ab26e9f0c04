// Every field is compiled, or on a short list with the reason why not.
import { expect, it } from 'vitest'
import { buildSchema } from '../../src/schema.ts'
import { SAMPLES } from '../support/samples.ts'
import { compiledFields } from './compiled-fields.ts'

const { reasons } = compiledFields(buildSchema())

it('every root field and every field of a type is compiled, or the samples of its module say why not', () => {
  const unexplained = [...reasons].filter(([field]) => !(field in SAMPLES.notCompiled))
  expect(unexplained).toEqual([])
})

it('the samples name no field that is compiled', () => {
  expect(Object.keys(SAMPLES.notCompiled).filter((field) => !reasons.has(field))).toEqual([])
})
