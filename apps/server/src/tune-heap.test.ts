import { spawnSync } from 'node:child_process'
import { pathToFileURL } from 'node:url'
import { join } from 'node:path'
import { expect, test } from 'vitest'

test('V8 knows the flags that the server sets, or none are set', () => {
  const module = pathToFileURL(join(import.meta.dirname, 'tune-heap.ts')).href
  const program = `const { tuneHeap } = await import('${module}'); tuneHeap(); console.log('done')`

  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], { encoding: 'utf8' })

  expect(stdout).toBe('done\n')
  expect(stderr).toBe('')
})
