import type { SubjectKind } from './subject.ts'
import { bazelRemoteSubjects } from './subjects/bazel-remote.ts'
import { buildgrid } from './subjects/buildgrid.ts'
import { caskadeSubjects } from './subjects/caskade.ts'
import { nginx } from './subjects/nginx.ts'
import { nodeHttp } from './subjects/node-http.ts'
import { bazelRemoteModel, reference } from './subjects/reference.ts'

/** All servers that are measured. */
export const subjectKinds: readonly SubjectKind[] = [
  ...caskadeSubjects,
  ...bazelRemoteSubjects,
  reference,
  bazelRemoteModel,
  buildgrid,
  nginx,
  nodeHttp,
]
