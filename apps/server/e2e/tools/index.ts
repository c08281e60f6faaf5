import { isInstalled } from '../support/run.ts'
import { bazel } from './bazel.ts'
import { ccache } from './ccache.ts'
import { gradle } from './gradle.ts'
import { maven } from './maven.ts'
import { moon } from './moon.ts'
import { nx } from './nx.ts'
import { sccache } from './sccache.ts'
import { scriptedSccache } from './scripted-sccache.ts'
import type { Tool } from './tool.ts'
import { turborepo } from './turborepo.ts'

/** Every build tool that is tried with the server. */
export const tools: readonly Tool[] = [
  turborepo('Turborepo'),
  turborepo('Turborepo with preflight', ['--preflight']),
  nx,
  bazel({ name: 'gRPC' }),
  bazel({
    name: 'gRPC with an instance name',
    flags: ({ grpc }) => [`--remote_cache=grpc://${grpc}`, '--remote_instance_name=team/a'],
  }),
  bazel({ name: 'HTTP', flags: ({ http }) => [`--remote_cache=${http}`] }),
  bazel({ name: 'HTTP with a prefix', flags: ({ http }) => [`--remote_cache=${http}/some/prefix`] }),
  moon({ name: 'gRPC', api: 'grpc', compression: 'none' }),
  moon({ name: 'gRPC, zstd', api: 'grpc', compression: 'zstd' }),
  moon({ name: 'HTTP', api: 'http', compression: 'none' }),
  ccache('flat'),
  ccache('subdirs'),
  ccache('bazel'),
  sccache,
  scriptedSccache,
  gradle,
  maven,
]

const smallTargets = { targets: ['//:hello', '//:paused'], steps: 2 }

/** Those that are tried with a server in trouble: one of each kind, and less to build where trouble takes its time. */
export const troubledTools: readonly Tool[] = [
  turborepo('Turborepo'),
  nx,
  bazel({ name: 'gRPC', ...smallTargets }),
  bazel({ name: 'HTTP', flags: ({ http }) => [`--remote_cache=${http}`], ...smallTargets }),
  moon({ name: 'gRPC', api: 'grpc', compression: 'none' }),
  moon({ name: 'HTTP', api: 'http', compression: 'none' }),
  ccache('flat'),
  ccache('bazel'),
  sccache,
  scriptedSccache,
  gradle,
  maven,
]

/** Of some tools, those that are installed here. One that must be and is not is an error. */
export function installedOf(some: readonly Tool[]): Tool[] {
  return some.filter((tool) => {
    const { command, isOptional } = tool
    if (tool.isInstalled !== undefined) return tool.isInstalled()
    if (command === undefined) return true
    return isOptional === true ? isInstalled(command, false) : isInstalled(command)
  })
}
