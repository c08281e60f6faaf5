import { join } from 'node:path'
import { buildProgram } from '../go-programs.ts'
import type { SubjectKind } from '../subject.ts'

let binary = ''

/** Not a product: what the same calls cost in plain Go, where no server in Go can be had. */
export const reference: SubjectKind = referenceIn('store')

/** The same over the files that our own server keeps with `type: fs`; what it stores there itself, that one does not count. */
export const referenceOverFs: SubjectKind = referenceIn(join('store', 'cas', 'sha256'))

function referenceIn(subfolder: string): SubjectKind {
  return {
    name: 'reference in Go',
    isOurs: false,
    conduct:
      'Not a product: a folder of files and an index in memory behind grpc-go and net/http (apps/playground/go/reference). Verifies and syncs what is stored; does not verify what is read, looks at all files when it starts, has no limits.',
    protocols: ['grpc', 'http'],
    async install(folder) {
      const { path, version } = await buildProgram('reference', folder)
      binary = path
      return `this repository, ${version}`
    },
    async command(folder, { grpc, http }, { maxBytes }) {
      const args = {
        dir: join(folder, subfolder),
        'max-bytes': maxBytes,
        grpc: `127.0.0.1:${grpc}`,
        http: `127.0.0.1:${http}`,
      }
      return { program: binary, args: Object.entries(args).flatMap(([flag, value]) => [`-${flag}`, String(value)]) }
    },
  }
}
