import { itIsAResource } from '../../support/resource.ts'

itIsAResource('Variant')
