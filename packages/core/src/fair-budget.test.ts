import { beforeEach, describe, expect, test } from 'vitest'
import { FairBudget } from './fair-budget.ts'

let admitted: string[]
let budget: FairBudget

beforeEach(() => {
  admitted = []
  budget = new FairBudget({ max: 100, maxPerClient: 60 })
})

/** A call of a client, which says when it is admitted. */
function ask(name: string, peer: string, amount: number, { signal } = new AbortController()): Promise<() => void> {
  const asked = budget.acquire(amount, { peer, signal })
  asked.then(
    () => admitted.push(name),
    () => undefined,
  )
  return asked
}

/** Lets everything that can be admitted be so. */
async function settled(): Promise<void> {
  await new Promise<void>((resolve) => void setImmediate(resolve))
}

describe('FairBudget', () => {
  test('admits what fits at once, and the rest in order as it is given back', async () => {
    const release = await ask('a1', 'a', 50)
    await ask('b1', 'b', 50)
    void ask('c1', 'c', 40)
    void ask('c2', 'c', 10)
    await settled()
    expect(admitted).toEqual(['a1', 'b1'])

    release()
    release()

    await settled()
    expect(admitted).toEqual(['a1', 'b1', 'c1', 'c2'])
  })

  test('keeps every client within its share, without holding up others', async () => {
    const release = await ask('a1', 'a', 50)
    void ask('a2', 'a', 20)
    void ask('b1', 'b', 20)
    await settled()
    expect(admitted).toEqual(['a1', 'b1'])

    release()

    await settled()
    expect(admitted).toEqual(['a1', 'b1', 'a2'])
  })

  test('lets clients take turns, however many calls each has waiting', async () => {
    const release = await ask('first', 'x', 100)
    for (const index of [1, 2, 3]) void ask(`a${index}`, 'a', 20)
    for (const index of [1, 2]) void ask(`b${index}`, 'b', 20)

    release()

    await settled()
    expect(admitted).toEqual(['first', 'a1', 'b1', 'a2', 'b2', 'a3'])
  })

  test('lets nothing small overtake what is large and waits', async () => {
    const release = await ask('a1', 'a', 30)
    void ask('large', 'b', 90)
    void ask('small', 'c', 10)
    await settled()
    expect(admitted).toEqual(['a1'])

    release()

    await settled()
    expect(admitted).toEqual(['a1', 'large', 'small'])
  })

  test('admits alone what is more than everything', async () => {
    const release = await ask('huge', 'a', 1_000_000)
    void ask('small', 'b', 1)
    await settled()
    expect(admitted).toEqual(['huge'])

    release()

    await settled()
    expect(admitted).toEqual(['huge', 'small'])
  })

  test('forgets a call that gives up, and admits those that waited behind it', async () => {
    await ask('a1', 'a', 50)
    const controller = new AbortController()
    const given = ask('large', 'b', 90, controller)
    void ask('small', 'c', 50)
    await settled()

    controller.abort(new Error('enough'))

    await expect(given).rejects.toThrow('enough')
    await settled()
    expect(admitted).toEqual(['a1', 'small'])
  })
})
