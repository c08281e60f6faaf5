import type { SetupTool } from './setup-tool.ts'

const OPTION = /^[ \t]*remote_storage[ \t]*=.*$/gm

export const ccacheSetup: SetupTool = {
  name: 'ccache',
  title: 'ccache',
  frontend: 'ccache',
  // It has no file in a project.
  isUsedIn: () => false,
  plan({ http, userConfigPath }) {
    const line = `remote_storage = ${http}/ccache`
    return {
      edits: [
        {
          path: userConfigPath('ccache'),
          lines: line,
          change(content = '') {
            // Of several, ccache takes the last.
            const replaced = content.replaceAll(OPTION, line)
            if (replaced.includes(line)) return replaced
            return `${content}${content === '' || content.endsWith('\n') ? '' : '\n'}${line}\n`
          },
        },
      ],
      instead: { CCACHE_REMOTE_STORAGE: `${http}/ccache` },
    }
  },
  firstLine: ({ http }) => ({ where: 'in ccache.conf', line: `remote_storage = ${http}/ccache` }),
}
