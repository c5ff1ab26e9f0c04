// Which loads are batched, and which must not be: those of another request, and later ones.
import { describe, expect, it } from 'vitest'
import { loadTogether } from '../../src/graphql/batch.ts'

const KEY = {}

/** A load that records its ids, and finds each id's own name. */
function namesOf(loads: string[][], name: string) {
  return async (ids: string[]) => {
    loads.push(ids)
    return new Map(ids.map((id) => [id, `${name} ${id}`]))
  }
}

describe('asked within a tick', () => {
  it('one request loads once, and each id once', async () => {
    const request = {}
    const loads: string[][] = []
    const load = namesOf(loads, 'a')
    const found = await Promise.all(['1', '2', '1'].map((id) => loadTogether(request, KEY, id, load)))
    expect(found).toEqual(['a 1', 'a 2', 'a 1'])
    expect(loads).toEqual([['1', '2']])
  })

  it('two requests load separately, even for the same ids', async () => {
    const [one, other] = [{}, {}]
    const loads: string[][] = []
    const found = await Promise.all([
      loadTogether(one, KEY, '1', namesOf(loads, 'one')),
      loadTogether(other, KEY, '1', namesOf(loads, 'other')),
      loadTogether(other, KEY, '2', namesOf(loads, 'other')),
    ])
    expect(found).toEqual(['one 1', 'other 1', 'other 2'])
    expect(loads).toEqual([['1'], ['1', '2']])
  })

  it('two keys of one request load apart', async () => {
    const request = {}
    const found = await Promise.all([
      loadTogether(request, {}, '1', namesOf([], 'a')),
      loadTogether(request, {}, '1', namesOf([], 'b')),
    ])
    expect(found).toEqual(['a 1', 'b 1'])
  })

  it('what is not found is undefined', async () => {
    expect(await loadTogether({}, KEY, '1', async () => new Map())).toBeUndefined()
  })
})

describe('asked when a load has begun', () => {
  it('it is loaded again: nothing is cached, not even absence', async () => {
    const request = {}
    const loads: string[][] = []
    const load = async (ids: string[]) => {
      loads.push(ids)
      return new Map(ids.map((id) => [id, `${id} of load ${loads.length}`]))
    }
    expect(await loadTogether(request, KEY, '1', load)).toBe('1 of load 1')
    expect(await loadTogether(request, KEY, '2', load)).toBe('2 of load 2')
    expect(await loadTogether(request, KEY, '1', load)).toBe('1 of load 3')
    expect(loads).toEqual([['1'], ['2'], ['1']])
  })

  it('a failed one fails all of its batch, and none after', async () => {
    const request = {}
    let isConnected = false
    const load = async (ids: string[]) => {
      if (!isConnected) throw new Error('no connection')
      return new Map(ids.map((id) => [id, id]))
    }
    const joined = await Promise.allSettled(['1', '2'].map((id) => loadTogether(request, KEY, id, load)))
    expect(joined.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
    isConnected = true
    expect(await loadTogether(request, KEY, '1', load)).toBe('1')
  })
})
