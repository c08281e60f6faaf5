import { managedBlock } from './managed-block.ts'
import type { SetupTool } from './setup-tool.ts'

export const nxSetup: SetupTool = {
  name: 'nx',
  title: 'Nx',
  frontend: 'nx',
  isUsedIn: (has) => has('nx.json'),
  plan: ({ http }) => ({
    edits: [managedBlock('.env', `NX_SELF_HOSTED_REMOTE_CACHE_SERVER=${http}`)],
    notes: [
      'Nx reads .env in the root of the workspace; in CI, set the variable there instead if .env is not checked in.',
      'An artifact is stored once: to have a task stored anew, change its inputs.',
    ],
  }),
  firstLine: ({ http }) => ({
    where: 'in the environment',
    line: `export NX_SELF_HOSTED_REMOTE_CACHE_SERVER=${http}`,
  }),
}
