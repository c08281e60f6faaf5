import { digestOf } from '@caskade/core'
import { expect, test } from 'vitest'
import { makeItems } from './content.ts'

test('the same seed makes the same content, another seed or label another', () => {
  const keys = (seed: number, label: string): string[] => makeItems(seed, label, 3, 100).map(({ key }) => key)

  expect(keys(1, 'a')).toEqual(keys(1, 'a'))
  expect(new Set([...keys(1, 'a'), ...keys(2, 'a'), ...keys(1, 'b')]).size).toBe(9)
})

test('the digest is that of the content', () => {
  for (const { digest, key, bytes } of makeItems(1, 'a', 3, 1000)) {
    expect(bytes.byteLength).toBe(1000)
    expect(digest).toEqual(digestOf(bytes))
    expect(key).toBe(digest.hash)
  }
})
