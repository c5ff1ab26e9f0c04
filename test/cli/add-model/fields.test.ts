// Reading the fields of a new model from the command line.
import { describe, expect, it } from 'vitest'
import { parseFields, parseModelName, parseModuleName } from '../../../src/cli/add-model/fields.ts'

describe('a field', () => {
  it('has a name, a type, and may be optional or unique', () => {
    expect(parseFields(['email:email:unique', 'note:longtext:optional', 'fee:money'])).toMatchObject([
      { name: 'email', kind: 'scalar', type: 'email', isUnique: true, isOptional: false },
      { name: 'note', kind: 'scalar', type: 'longtext', isUnique: false, isOptional: true },
      { name: 'fee', kind: 'money' },
    ])
  })

  it('is an enum, or a relation to a model', () => {
    expect(parseFields(['status:enum(OPEN,CLOSED)', 'customer:Customer:optional'])).toMatchObject([
      { kind: 'enum', values: ['OPEN', 'CLOSED'] },
      { kind: 'relation', model: 'Customer', isOptional: true },
    ])
  })

  it.each([
    ['without a type', 'name', '"name" cannot be read. Write name:type'],
    ['of a type that is none', 'name:txt', 'Types: text, longtext, email, int, boolean, datetime, money'],
    ['with an option that is none', 'name:text:indexed', 'cannot be read'],
    ['with a capital name', 'Name:text', 'cannot be read'],
    ['that every model has', 'version:int', 'Every model has the field version.'],
    ['that is an enum without values', 'status:enum()', 'cannot be read'],
    ['that is an enum of small letters', 'status:enum(open)', 'cannot be read'],
    ['that is money or nothing', 'fee:money:optional', 'cannot be read'],
    ['that breaks out of its file', 'x:text"); process.exit(//', 'cannot be read'],
  ])('%s is refused', (_what, text, message) => {
    expect(() => parseFields([text])).toThrow(message)
  })

  it('is there once, and not alone by the hundred', () => {
    expect(() => parseFields(['name:text', 'name:int'])).toThrow('The field name is there twice.')
    expect(() => parseFields(['a:Customer', 'b:Customer'])).toThrow('Two relations to one model need names')
    expect(() => parseFields([])).toThrow('A model needs 1 to 50 fields.')
    expect(() => parseFields(Array.from({ length: 51 }, (_, n) => `field${n}:text`))).toThrow(
      '1 to 50 fields',
    )
  })
})

it.each(['supplier', 'Price List', '../Model', ''])('"%s" is no name for a model', (name) => {
  expect(() => parseModelName(name)).toThrow('is no name for a model. Write it like PriceList.')
})

it.each(['App', '../shop', 'my-app', ''])('"%s" is no name for a module', (name) => {
  expect(() => parseModuleName(name)).toThrow('is no name for a module. Write it like app.')
})
