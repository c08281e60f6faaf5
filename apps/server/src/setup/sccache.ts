import { managedBlock } from './managed-block.ts'
import type { SetupTool } from './setup-tool.ts'

export const sccacheSetup: SetupTool = {
  name: 'sccache',
  title: 'sccache',
  // It has no file in a project.
  isUsedIn: () => false,
  plan({ http, userConfigPath }) {
    const endpoint = `${http}/webdav`
    return {
      edits: [managedBlock(userConfigPath('sccache'), `[cache.webdav]\nendpoint = "${endpoint}"\nkey_prefix = "/"`)],
      environment: { SCCACHE_WEBDAV_ENDPOINT: endpoint },
      notes: [
        'The file is for all projects of its user; the variable says the same for one of them.',
        'sccache reads its configuration when its server starts: stop it with `sccache --stop-server`.',
      ],
    }
  },
}
