import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { writeFiles } from './folders.ts'

/** A configuration whose backend can be made to fail. */
export interface FailingBackend {
  /** The arguments that have a server use it. */
  readonly args: readonly string[]
  /** Has every operation of the backend fail from now on, or succeed again. */
  setFailing(isFailing: boolean): void
}

/** Writes a package with a backend in memory that fails while a file is there, and a configuration that names it. */
export function writeFailingBackend(folder: string): FailingBackend {
  const flag = join(folder, 'fail')
  const require = createRequire(import.meta.url)
  const urlOf = (name: string): string => JSON.stringify(pathToFileURL(require.resolve(name)).href)
  writeFiles(folder, {
    'node_modules/@e2e/failing/package.json': JSON.stringify({
      name: '@e2e/failing',
      type: 'module',
      main: 'index.js',
    }),
    'node_modules/@e2e/failing/index.js': `
import { existsSync } from 'node:fs'
import { StorageError } from ${urlOf('@caskade/core')}
import { FaultyActionCache, FaultyStorage } from ${urlOf('@caskade/conformance')}
import { memoryBackend } from ${urlOf('@caskade/memory')}

const plan = {
  before() {
    if (existsSync(${JSON.stringify(flag)})) throw new StorageError('unavailable', 'the store is out of reach')
  },
}

export const provider = {
  type: '@e2e/failing',
  schema: { type: 'object', properties: {} },
  create() {
    const { storage, actionCache } = memoryBackend()
    return { storage: new FaultyStorage(storage, plan), actionCache: new FaultyActionCache(actionCache, plan) }
  },
}
`,
    'caskade.yaml': "backend: { type: '@e2e/failing' }\n",
  })
  return {
    args: ['--config', join(folder, 'caskade.yaml')],
    setFailing(isFailing) {
      if (isFailing) writeFileSync(flag, '')
      else if (existsSync(flag)) rmSync(flag)
    },
  }
}
