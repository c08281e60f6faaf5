import { isMap, parseDocument } from 'yaml'
import type { SetupTool } from './setup-tool.ts'
import { SetupError } from './setup-tool.ts'

const PATH = '.moon/workspace.yml'

export const moonSetup: SetupTool = {
  name: 'moon',
  title: 'moon',
  isUsedIn: (has) => has('.moon'),
  plan({ grpc, instanceName }) {
    const host = `grpc://${grpc}`
    const cache = instanceName === '' ? '' : `\n  cache:\n    instanceName: '${instanceName}'`
    return {
      edits: [
        {
          path: PATH,
          lines: `remote:\n  host: '${host}'${cache}`,
          change(content = '') {
            const document = parseDocument(content)
            const [error] = document.errors
            if (error !== undefined) throw new SetupError(`${PATH}: ${error.message}`)
            if (document.contents !== null && !isMap(document.contents))
              throw new SetupError(`${PATH}: it holds no options`)
            const isDone =
              document.getIn(['remote', 'host']) === host &&
              (instanceName === '' || document.getIn(['remote', 'cache', 'instanceName']) === instanceName)
            if (isDone) return content
            document.setIn(['remote', 'host'], host)
            if (instanceName !== '') document.setIn(['remote', 'cache', 'instanceName'], instanceName)
            return document.toString({ flowCollectionPadding: false, lineWidth: 0 })
          },
        },
      ],
    }
  },
}
