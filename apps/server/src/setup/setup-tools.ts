import { bazelSetup } from './bazel.ts'
import { ccacheSetup } from './ccache.ts'
import { gradleSetup } from './gradle.ts'
import { mavenSetup } from './maven.ts'
import { moonSetup } from './moon.ts'
import { nxSetup } from './nx.ts'
import { sccacheSetup } from './sccache.ts'
import type { SetupTool } from './setup-tool.ts'
import { turborepoSetup } from './turborepo.ts'

/** Every build tool that can be told of the server. */
export const setupTools: readonly SetupTool[] = [
  bazelSetup,
  ccacheSetup,
  gradleSetup,
  mavenSetup,
  moonSetup,
  nxSetup,
  sccacheSetup,
  turborepoSetup,
]
