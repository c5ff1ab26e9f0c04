// Which hosts and addresses count as loopback.
import { expect, it } from 'vitest'
import {
  isLoopbackAddress,
  isLoopbackHost,
  isLoopbackName,
  isLoopbackOrigin,
} from '../../src/core/loopback.ts'

it.each([
  ['localhost', true],
  ['localhost:4000', true],
  ['127.0.0.1', true],
  ['127.8.9.10:80', true],
  ['[::1]:4000', true],
  ['[::ffff:7f00:1]', true],
  ['localhost.example.com', false],
  ['127.0.0.1.example.com', false],
  ['user@localhost', false],
  ['localhost:80:80', false],
  ['localhost/', false],
  ['128.0.0.1', false],
  ['[::2]', false],
  ['0.0.0.0', false],
  ['', false],
  [undefined, false],
])('the name %j: %j', (host, is) => {
  expect(isLoopbackName(host)).toBe(is)
})

it.each([
  ['127.0.0.1', true],
  ['::1', true],
  ['::ffff:127.0.0.1', true],
  ['::ffff:7f00:1', true],
  ['10.0.0.1', false],
  ['fe80::1', false],
  ['localhost', false],
  [undefined, false],
])('the address %j: %j', (ip, is) => {
  expect(isLoopbackAddress(ip)).toBe(is)
})

it('a configured host is a name or an address, and an origin has a scheme', () => {
  expect(['localhost', '::1', '127.0.0.1', '0.0.0.0', '::'].map(isLoopbackHost)).toEqual([
    true,
    true,
    true,
    false,
    false,
  ])
  expect(
    ['http://localhost:5173', 'https://[::1]', 'http://example.com', 'null'].map(isLoopbackOrigin),
  ).toEqual([true, true, false, false])
})
