import { graphql } from '../gql'

export const Dashboard = graphql(`
  query BackOfficeDashboard($from: Date!, $until: Date!) {
    viewer { id role permissions member { id email } tenant { id name } }
    salesByDay(from: $from, until: $until) { date orders gross { ...Amount } net { ...Amount } }
    topProducts(from: $from, until: $until, first: 3) { product { id title } quantity net { ...Amount } }
    orderCounts { status count }
    lowStock: variants(filter: { availableBelow: 5 }, first: 1) { totalCount }
    buyers: customers(sortKey: NAME, first: 5) { nodes { id name orderCount lifetimeValue { ...Amount } } }
    books: trialBalance { balanced totals { currency debit { ...Amount } } }
  }
`)

export const Customers = graphql(`
  query BackOfficeCustomers($filter: CustomerFilter, $first: Int, $after: String, $last: Int, $before: String) {
    customers(filter: $filter, sortKey: NAME, first: $first, after: $after, last: $last, before: $before) {
      edges { cursor node { ...CustomerForm } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

export const Products = graphql(`
  query BackOfficeProducts($filter: ProductFilter, $first: Int, $after: String, $last: Int, $before: String) {
    products(filter: $filter, sortKey: TITLE, first: $first, after: $after, last: $last, before: $before) {
      edges { cursor node { id title vendor status } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

export const Prices = graphql(`
  query BackOfficePrices($first: Int, $after: String) {
    variants(sortKey: SKU, first: $first, after: $after) {
      edges { cursor node { id version sku price { ...Amount } } }
      pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
    }
  }
`)

export const OpenOrder = graphql(`
  query BackOfficeOrder($number: Int!) {
    order(number: $number) {
      ...OrderState
      payments(first: 5) { nodes { id status provider } }
    }
  }
`)

export const OrderState = graphql(`
  fragment OrderState on Order {
    id
    number
    paymentStatus
    refundedAmount { ...Amount }
    lines(first: 50) {
      nodes { id sku quantity refundedQuantity restockedQuantity variant { id stock { available onHand } } }
    }
    timeline(first: 20) { nodes { kind reason text actorLabel amount { ...Amount } } }
  }
`)

export const RefundLines = graphql(`
  mutation BackOfficeRefund($input: RefundRecordInput!) {
    refundRecord(input: $input) {
      refund { id status amount { ...Amount } payment { id order { ...OrderState } } }
      userErrors { field code message params }
    }
  }
`)

export const AddNote = graphql(`
  mutation BackOfficeNote($input: OrderNoteAddInput!) {
    orderNoteAdd(input: $input) {
      orderNote { id order { ...OrderState } }
      userErrors { field code message params }
    }
  }
`)
