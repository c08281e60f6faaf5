import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { SubjectKind } from '../subject.ts'

const exec = promisify(execFile)

let environment = ''

/** The server that our contract comes from, in Python. */
export const buildgrid: SubjectKind = {
  name: 'buildgrid',
  isOurs: false,
  conduct: 'A file for each blob, results in memory. Neither syncs nor evicts.',
  protocols: ['grpc'],
  lacks: /zstd/,
  async install(folder) {
    environment = join(folder, 'buildgrid')
    if (!existsSync(join(environment, 'bin', 'bgd'))) {
      await exec('python3', ['-m', 'venv', environment])
      await exec(join(environment, 'bin', 'pip'), ['install', '--quiet', 'buildgrid'])
    }
    const { stdout } = await exec(join(environment, 'bin', 'pip'), ['show', 'buildgrid'])
    return `BuildGrid ${/^Version: (.*)$/m.exec(stdout)?.[1]}`
  },
  async command(folder, { grpc }) {
    const file = join(folder, 'buildgrid.yml')
    const store = join(folder, 'store')
    await mkdir(store)
    await writeFile(file, configuration(store, grpc))
    return { program: join(environment, 'bin', 'bgd'), args: ['server', 'start', file] }
  },
}

function configuration(store: string, port: number): string {
  return `server:
  - !channel { address: '127.0.0.1:${port}', insecure-mode: true }
authorization: { method: none }
thread-pool-size: 200
storages:
  - !disk-storage &storage { path: '${store}' }
caches:
  - !lru-action-cache &results { storage: *storage, max-cached-refs: 100000, allow-updates: true }
instances:
  - name: ''
    services:
      - !action-cache { cache: *results }
      - !cas { storage: *storage }
      - !bytestream { storage: *storage }
`
}
