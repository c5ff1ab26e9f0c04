// The media type of the answer for clients' Accept headers.
import { expect, it } from 'vitest'
import { answerType } from '../../src/edge/media-type.ts'

const JSON_TYPE = 'application/json; charset=utf-8'
const RESPONSE_TYPE = 'application/graphql-response+json; charset=utf-8'

it.each([
  [undefined, JSON_TYPE],
  ['*/*', JSON_TYPE],
  ['application/*', JSON_TYPE],
  ['application/json', JSON_TYPE],
  ['Application/JSON; charset=UTF-8', JSON_TYPE],
  ['application/graphql-response+json', RESPONSE_TYPE],
  ['application/graphql-response+json, application/json', RESPONSE_TYPE],
  ['application/json, application/graphql-response+json', JSON_TYPE],
  ['application/graphql-response+json;q=0.5, application/json', JSON_TYPE],
  ['application/json;q=0.5, */*', RESPONSE_TYPE],
  ['*/*;q=0, application/json', JSON_TYPE],
  ['text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8', JSON_TYPE],
  ['text/html', null],
  ['application/json;q=0', null],
  ['application/json;charset=utf-16', null],
  ['', JSON_TYPE],
  [`${'text/html,'.repeat(2_000)}application/json`, null],
])('%s', (accept, type) => {
  expect(answerType(accept)).toBe(type)
})
