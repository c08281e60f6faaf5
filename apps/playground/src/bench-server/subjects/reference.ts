import { join } from 'node:path'
import { buildProgram } from '../go-programs.ts'
import type { SubjectKind } from '../subject.ts'

let binary = ''

/** Not a product: what the same calls cost in plain Go, where no server in Go can be had. */
export const reference: SubjectKind = referenceIn('store')

/** The same over the files that our own server keeps with `type: fs`; what it stores there itself, that one does not count. */
export const referenceOverFs: SubjectKind = referenceIn(join('store', 'cas', 'sha256'))

/** The same again, with the steps of bazel-remote: about what that costs, where it cannot be had. */
export const bazelRemoteModel: SubjectKind = {
  ...reference,
  name: 'model of bazel-remote',
  conduct:
    'Not bazel-remote: the reference with the steps that bazel-remote 2 takes for each call when it does not compress, by its source (a regular expression for every hash, lookups 20 at a time, blobs of batches read in growing buffers, writes through a pipe); without its counters, reservations of space and logs. It hashes what is stored, which some versions of bazel-remote do only when they compress.',
  async command(folder, ports, limits) {
    const { program, args } = await reference.command(folder, ports, limits)
    return { program, args: [...args, '-as-bazel-remote'] }
  },
}

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
