import { managedBlock } from './managed-block.ts'
import type { SetupTool } from './setup-tool.ts'

export const bazelSetup: SetupTool = {
  name: 'bazel',
  title: 'Bazel',
  frontend: 'reapi',
  isUsedIn: (has) => ['MODULE.bazel', 'WORKSPACE', 'WORKSPACE.bazel', '.bazelrc'].some(has),
  plan({ grpc, instanceName }) {
    const instance = instanceName === '' ? '' : `\nbuild --remote_instance_name=${instanceName}`
    return { edits: [managedBlock('.bazelrc', `build --remote_cache=grpc://${grpc}${instance}`)] }
  },
  firstLine({ grpc, instanceName }) {
    const instance = instanceName === '' ? '' : ` --remote_instance_name=${instanceName}`
    return { where: 'in .bazelrc', line: `build --remote_cache=grpc://${grpc}${instance}` }
  },
}
