// Customers: types, queries and mutations.
import { normalizeEmail } from '../../core/email.ts'
import type { Customer as CustomerRow } from '../../generated/prisma/client.ts'
import { builder } from '../../graphql/builder.ts'
import { pageArgs, relationListField } from '../../graphql/connections.ts'
import { addMutation } from '../../graphql/mutation.ts'
import { Node } from '../../graphql/node.ts'
import { nodeId, nodeUuid } from '../../graphql/node-ids.ts'
import { projection } from '../../graphql/projection.ts'
import { readOne, readPage } from '../../graphql/read.ts'
import { search } from '../../graphql/search.ts'
import { sortsOf } from '../../graphql/sorts.ts'
import { Customer, CustomerConnection, OrderConnection } from '../refs.ts'
import { createCustomer, customerCreate } from './create-customer.ts'
import { customerUpdate, updateCustomer } from './update-customer.ts'

const Address = builder.objectRef<CustomerRow>('Address').implement({
  description: 'Where to send things.',
  fields: (t) => ({
    line1: t.exposeString('addressLine1', { nullable: true }),
    line2: t.exposeString('addressLine2', { nullable: true }),
    city: t.exposeString('city', { nullable: true }),
    postalCode: t.exposeString('postalCode', { nullable: true }),
    country: t.exposeString('country', { nullable: true, description: 'ISO 3166-1, two letters.' }),
  }),
})

Customer.implement({
  description: 'A person who buys from the merchant.',
  interfaces: [Node],
  extensions: { model: 'Customer', permission: 'customers:read' },
  fields: (t) => ({
    id: t.id({ ...projection({ columns: ['id'] }), resolve: ({ id }) => nodeId('Customer', id) }),
    email: t.exposeString('email'),
    name: t.exposeString('name'),
    phone: t.exposeString('phone', { nullable: true }),
    address: t.field({
      type: Address,
      ...projection({ columns: ['addressLine1', 'addressLine2', 'city', 'postalCode', 'country'] }),
      resolve: (customer) => customer,
    }),
    version: t.exposeInt('version', { description: 'Send it back as expectedVersion when you edit.' }),
    createdAt: t.expose('createdAt', { type: 'DateTime' }),
    updatedAt: t.expose('updatedAt', { type: 'DateTime' }),
    orders: relationListField(
      t,
      OrderConnection,
      'orders',
      { column: 'placedAt', type: 'date', descending: true },
      'What they ordered, latest first.',
    ),
  }),
})

const customerSorts = sortsOf(
  'CustomerSortKey',
  {
    CREATED_AT: { column: 'createdAt', type: 'date', newestFirst: true },
    NAME: { column: 'name', type: 'string' },
    EMAIL: { column: 'email', type: 'string' },
  },
  'CREATED_AT',
)

const CustomerFilter = builder.inputType('CustomerFilter', {
  fields: (t) => ({
    country: t.string({ description: 'ISO 3166-1, two letters.' }),
    email: t.string({ description: 'Of one customer; A–Z and a–z are the same.' }),
  }),
})

builder.queryFields((t) => ({
  customers: t.field({
    type: CustomerConnection,
    description: 'Everybody who buys here. `query` finds words in name, e-mail address and city.',
    args: {
      ...pageArgs(t.arg),
      query: t.arg.string(),
      filter: t.arg({ type: CustomerFilter }),
      sortKey: t.arg({ type: customerSorts.type }),
      reverse: t.arg.boolean(),
    },
    resolve: (_root, { query, filter, sortKey, reverse, ...page }, context, info) =>
      readPage<CustomerRow>(
        context,
        info,
        {
          model: 'Customer',
          where: {
            ...(typeof filter?.country === 'string' && { country: filter.country }),
            ...(typeof filter?.email === 'string' && { email: normalizeEmail(filter.email) }),
            ...search(query, (word) => [{ name: word }, { email: word }, { city: word }]),
          },
          sort: customerSorts.read(sortKey, reverse),
        },
        page,
      ),
  }),
  customer: t.field({
    type: Customer,
    nullable: true,
    args: { id: t.arg.id({ required: true }) },
    resolve: (_root, { id }, context, info) =>
      readOne<CustomerRow>(context, info, 'Customer', { id: nodeUuid('Customer', id) }),
  }),
}))

const AddressInput = builder.inputType('AddressInput', {
  fields: (t) => ({
    line1: t.string(),
    line2: t.string(),
    city: t.string(),
    postalCode: t.string(),
    country: t.string({ description: 'ISO 3166-1, two letters.' }),
  }),
})

addMutation(customerCreate, {
  description: 'Adds a customer.',
  fields: (t) => ({
    email: t.string({ required: true }),
    name: t.string({ required: true }),
    phone: t.string(),
    address: t.field({ type: AddressInput }),
  }),
  result: { field: 'customer', type: Customer, model: 'Customer' },
  run: (caller, input) => createCustomer(caller, input),
})

addMutation(customerUpdate, {
  description: 'Edits a customer. What is left out stays as it is.',
  fields: (t) => ({
    id: t.id({ required: true }),
    expectedVersion: t.int({ required: true }),
    email: t.string(),
    name: t.string(),
    phone: t.string(),
    address: t.field({ type: AddressInput }),
  }),
  result: { field: 'customer', type: Customer, model: 'Customer' },
  run: (caller, { id, ...input }) => updateCustomer(caller, { id: nodeUuid('Customer', id), ...input }),
})
