import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { snapshot, writeFiles } from '../support/folders.ts'
import { pauseLines } from '../support/pause.ts'
import { runOk } from '../support/run.ts'
import type { Tool } from './tool.ts'

const SOURCES = ['one', 'two', 'three']

/**
 * A client that asks of WebDAV what sccache 0.17 was seen to ask, in the same order, and takes the answers as it does. It
 * stands for sccache where that is not installed, and "compiles" by putting a source into capitals.
 */
export const scriptedSccache: Tool = {
  name: 'sccache, as a script',
  statistics: 'webdav',
  steps: SOURCES.length,
  survivesAbsence: true,
  async create({ folder, server, salt }) {
    writeFiles(folder, {
      ...Object.fromEntries(SOURCES.map((name) => [`${name}.c`, `${name} ${salt} `.repeat(1000)])),
      'pause.sh': `${pauseLines(folder)}\n`,
    })
    const objects = join(folder, 'objects')
    return {
      async build() {
        const cache = new ScriptedCache(`${server.http}/webdav/prefix/`)
        const counts = { remote: 0, executed: 0 }
        const isStarted = await cache.start()
        for (const [index, name] of SOURCES.entries()) {
          const source = readFileSync(join(folder, `${name}.c`), 'utf8')
          const stored = isStarted ? await cache.get(keyOf(source)) : null
          const object = stored ?? Buffer.from(source.toUpperCase())
          mkdirSync(objects, { recursive: true })
          writeFileSync(join(objects, `${name}.o`), object)
          counts[stored === null ? 'executed' : 'remote'] += 1
          if (stored === null && isStarted) await cache.put(keyOf(source), object)
          if (index === 0) await runOk('sh', ['pause.sh'], { cwd: folder })
        }
        return { code: isStarted ? 0 : 1, output: cache.log.join('\n'), ...counts }
      },
      async wipe() {
        rmSync(objects, { recursive: true, force: true })
      },
      outputs: () => snapshot(objects),
    }
  },
}

class ScriptedCache {
  readonly log: string[] = []
  readonly #base: string
  #isReadOnly = false

  constructor(base: string) {
    this.#base = base
  }

  /** Resolves to whether sccache would start: not unless it can read its check file, or there is none. */
  async start(): Promise<boolean> {
    const check = await this.#send('GET', '.sccache_check')
    if (check?.status !== 200 && check?.status !== 404) return false
    await this.#makeFolders('')
    const written = await this.#send('PUT', '.sccache_check', 'Hello, World!')
    this.#isReadOnly = written?.ok !== true
    return true
  }

  async get(key: string): Promise<Buffer | null> {
    const response = await this.#send('GET', key)
    return response?.status === 200 ? Buffer.from(await response.arrayBuffer()) : null
  }

  async put(key: string, object: Buffer): Promise<void> {
    if (this.#isReadOnly) return
    await this.#makeFolders(key.slice(0, key.lastIndexOf('/') + 1))
    await this.#send('PUT', key, object)
  }

  /** Looks upwards for a folder that is there, and makes those below it. */
  async #makeFolders(folder: string): Promise<void> {
    const missing: string[] = []
    for (let path = folder; ; path = path.slice(0, path.slice(0, -1).lastIndexOf('/') + 1)) {
      const response = await this.#send('PROPFIND', path)
      const description = response?.status === 207 ? await response.text() : ''
      // A date that cannot be read ends it: sccache takes the cache for one that it may only read.
      const [, modified = ''] = /<D:getlastmodified>([^<]*)</.exec(description) ?? []
      if (description.includes('collection') && new Date(modified).toUTCString() === modified) break
      if (path === '') return
      missing.unshift(path)
    }
    for (const path of missing) await this.#send('MKCOL', path)
  }

  async #send(method: string, path: string, body?: string | Buffer): Promise<Response | undefined> {
    const headers = { authorization: 'Bearer token', ...(method === 'PROPFIND' && { depth: '0' }) }
    try {
      const response = await fetch(this.#base + path, {
        method,
        headers,
        ...(body !== undefined && { body: body as string }),
      })
      this.log.push(`${method} ${path}: ${response.status}`)
      return response
    } catch (error) {
      this.log.push(`${method} ${path}: ${String(error)}`)
      return undefined
    }
  }
}

function keyOf(source: string): string {
  const hash = createHash('sha256').update(source).digest('hex')
  return `${hash[0]}/${hash[1]}/${hash[2]}/${hash}`
}
