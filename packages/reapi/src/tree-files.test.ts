import { create, toBinary } from '@bufbuild/protobuf'
import { describe, expect, test } from 'vitest'
import { TreeSchema } from './messages.ts'
import { filesOfTree } from './tree-files.ts'

const digest = (index: number): { hash: string; sizeBytes: bigint } => ({ hash: `h${index}`, sizeBytes: BigInt(index) })

describe('filesOfTree', () => {
  test('finds the digests of all files, and nothing else', () => {
    const root = {
      files: [
        { name: 'a', digest: digest(1), isExecutable: true },
        { name: 'empty', digest: digest(0) },
        { name: 'b' },
      ],
      directories: [{ name: 'd', digest: digest(100) }],
      symlinks: [{ name: 'l', target: 'a' }],
    }
    const children = [{ files: [{ name: 'c', digest: digest(2 ** 40) }] }, {}]
    const tree = toBinary(TreeSchema, create(TreeSchema, { root, children }))

    expect([...filesOfTree(tree)]).toEqual([digest(1), digest(0), undefined, digest(2 ** 40)])
  })

  test.each([
    ['cut off', [10, 50, 1]],
    ['garbage', [255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255]],
    ['garbage in a directory', [10, 2, 10, 50]],
    ['a group without end', [11]],
  ])('throws when it is %s', (_, bytes) => {
    expect(() => [...filesOfTree(Uint8Array.from(bytes))]).toThrow(Error)
  })
})
