import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { goVersionOf } from '../go-programs.ts'
import type { SubjectKind } from '../subject.ts'

const MODULE = 'github.com/buchgr/bazel-remote/v2'

const exec = promisify(execFile)

/** The server that most people with Bazel run, in Go: as it comes, and without its compression. */
export const bazelRemoteSubjects: readonly SubjectKind[] = [
  bazelRemote('bazel-remote zstd', 'Its default: a compressed file for each blob.', 'zstd'),
  bazelRemote('bazel-remote', 'A file for each blob, not compressed.', 'uncompressed'),
]

function bazelRemote(name: string, conduct: string, storageMode: string): SubjectKind {
  let binary = ''
  return {
    name,
    isOurs: false,
    conduct,
    protocols: ['grpc', 'http'],
    async install(folder) {
      binary = join(folder, 'bazel-remote')
      if (!existsSync(binary))
        await exec('go', ['install', `${MODULE}@latest`], { env: { ...process.env, GOBIN: folder } })
      const { stdout } = await exec('go', ['version', '-m', binary])
      const [, version] = /mod\s+\S+\s+(\S+)/.exec(stdout) ?? []
      return `bazel-remote ${version}, ${await goVersionOf(binary)}`
    },
    async command(folder, { grpc, http }, { maxBytes }) {
      const args = {
        dir: join(folder, 'store'),
        max_size: maxBytes / 1024 ** 3,
        storage_mode: storageMode,
        grpc_address: `127.0.0.1:${grpc}`,
        http_address: `127.0.0.1:${http}`,
        access_log_level: 'none',
      }
      return { program: binary, args: Object.entries(args).flatMap(([flag, value]) => [`--${flag}`, String(value)]) }
    },
  }
}
