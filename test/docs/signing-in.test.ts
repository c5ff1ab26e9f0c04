// Checks the page on signing in: its configurations are accepted, and its list of settings is complete.
import { readFile } from 'node:fs/promises'
import { beforeAll, expect, it } from 'vitest'
import { ConfigError, parseConfig } from '../../src/config.ts'

let text: string
beforeAll(async () => {
  text = await readFile(new URL('../../docs/signing-in.md', import.meta.url), 'utf8')
})

function issuersOf(json: string) {
  return parseConfig({ NODE_ENV: 'development', AUTH_ISSUERS: json }).issuers
}

it('every configuration on it is accepted', () => {
  const blocks = [...text.matchAll(/```json\n(\[.*?)```/gs)].map(([, json = '']) => json)
  expect(blocks).toHaveLength(4)
  for (const block of blocks) expect(issuersOf(block)).toEqual(JSON.parse(block))
})

it('its list has every setting, and none that there is not', () => {
  const table = text.slice(text.indexOf('| setting |'), text.indexOf('Addresses are https'))
  const listed = [...table.matchAll(/^\| `(\w+)` \|/gm)].map(([, name = '']) => name)
  const all = {
    issuer: 'https://id.example.com',
    audience: 'bulkhead',
    algorithms: ['RS256'],
    jwksUri: 'https://id.example.com/keys',
    tokenType: 'at+jwt',
    tenantClaim: 'tenant',
    tenants: ['acme'],
    emailClaim: 'upn',
    requireVerifiedEmail: false,
    supportClaim: 'support',
  }
  expect(listed).toEqual(Object.keys(all))
  expect(issuersOf(JSON.stringify([all]))).toEqual([all])
  expect(() => issuersOf(JSON.stringify([{ ...all, another: true }]))).toThrow(ConfigError)
})
