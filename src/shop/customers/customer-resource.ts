// Customers.
import { emailAddress } from '../../core/email.ts'
import type { Customer as CustomerRow } from '../../generated/prisma/client.ts'
import { builder } from '../../graphql/builder.ts'
import { type Part, resource } from '../../graphql/resource/resource.ts'
import { ADDRESS_COLUMNS, address, name } from './customer.ts'

const COUNTRY = 'ISO 3166-1, two letters.'

const Address = builder.objectRef<CustomerRow>('Address').implement({
  description: 'A postal address.',
  extensions: { isValue: true },
  fields: (t) => ({
    line1: t.exposeString('addressLine1', { description: 'Street and number.', nullable: true }),
    line2: t.exposeString('addressLine2', {
      description: 'More of the address, such as a floor.',
      nullable: true,
    }),
    city: t.exposeString('city', { description: 'The town.', nullable: true }),
    postalCode: t.exposeString('postalCode', { description: 'The postal code.', nullable: true }),
    country: t.exposeString('country', { nullable: true, description: COUNTRY }),
  }),
})

const AddressInput = builder.inputType('AddressInput', {
  fields: (t) => ({
    line1: t.string({ description: 'Street and number.' }),
    line2: t.string({ description: 'More of the address, such as a floor.' }),
    city: t.string({ description: 'The town.' }),
    postalCode: t.string({ description: 'The postal code.' }),
    country: t.string({ description: COUNTRY }),
  }),
})

const FIELDS = Object.entries(ADDRESS_COLUMNS)

const addressPart: Part = {
  description: 'The postal address.',
  columns: Object.values(ADDRESS_COLUMNS),
  type: Address,
  resolve: (row) => row,
  input: {
    type: AddressInput,
    rule: address,
    required: false,
    columnsOf: (given: Readonly<Record<string, unknown>>) =>
      Object.fromEntries(FIELDS.map(([field, column]) => [column, given[field]])),
    clears: Object.fromEntries(FIELDS.map(([, column]) => [column, null])),
    paths: () => Object.fromEntries(FIELDS.map(([field, column]) => [column, [field]])),
  },
}

resource('Customer', {
  prefix: 'cust',
  permission: 'customers',
  description: 'A person who buys from the merchant.',
  fields: {
    email: { rule: emailAddress, taken: 'another customer has this address' },
    name: { rule: name },
    phone: {},
    address: addressPart,
  },
  many: { orders: { sort: 'placedAt', description: 'Their orders, latest first.' } },
  list: {
    description: 'All customers.',
    filter: ['country', 'email', 'updatedAt'],
    sort: ['createdAt', 'updatedAt', { alphabetical: 'name' }, 'email'],
    search: ['name', 'email', 'city'],
  },
  write: ['create', 'update'],
  writeDescriptions: {
    create: 'Adds a customer.',
    update: 'Edits a customer. Omitted fields stay unchanged.',
  },
})
