import { managedBlock, withoutBlocks } from './managed-block.ts'
import type { FileEdit, SetupTool } from './setup-tool.ts'
import { SetupError } from './setup-tool.ts'

/** The start of a table that a file may have once. */
const TABLE = /^\s*\[\s*cache\s*\.\s*webdav\s*\]/m

export const sccacheSetup: SetupTool = {
  name: 'sccache',
  title: 'sccache',
  frontend: 'webdav',
  // It has no file in a project.
  isUsedIn: () => false,
  plan({ http, userConfigPath }) {
    const endpoint = `${http}/webdav`
    return {
      edits: [tableEdit(userConfigPath('sccache'), `[cache.webdav]\nendpoint = "${endpoint}"\nkey_prefix = "/"`)],
      instead: { SCCACHE_WEBDAV_ENDPOINT: endpoint },
      notes: ['sccache reads its configuration when its server starts: stop it with `sccache --stop-server`.'],
    }
  },
  firstLine: ({ http }) => ({ where: 'in the environment', line: `export SCCACHE_WEBDAV_ENDPOINT=${http}/webdav` }),
}

function tableEdit(path: string, lines: string): FileEdit {
  const edit = managedBlock(path, lines)
  return {
    ...edit,
    change(content) {
      if (!TABLE.test(withoutBlocks(content ?? ''))) return edit.change(content)
      throw new SetupError(`${path}: it has [cache.webdav] already; have it say this instead:\n${lines}`)
    },
  }
}
