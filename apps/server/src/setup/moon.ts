import type { Document } from 'yaml'
import { isMap, parseDocument } from 'yaml'
import { yamlProblem } from '../config/yaml-problem.ts'
import type { SetupTool } from './setup-tool.ts'
import { SetupError } from './setup-tool.ts'

const PATH = '.moon/workspace.yml'

/** The other files in which a workspace may be configured, of which moon reads one. */
const OTHER_PATHS = ['pkl', 'hcl', 'json', 'jsonc', 'toml', 'yaml'].map((extension) => `.moon/workspace.${extension}`)

export const moonSetup: SetupTool = {
  name: 'moon',
  title: 'moon',
  frontend: 'reapi',
  isUsedIn: (has) => has('.moon'),
  plan({ grpc, instanceName, has }) {
    const host = `grpc://${grpc}`
    const cache = instanceName === '' ? '' : `\n  cache:\n    instanceName: '${instanceName}'`
    const lines = `remote:\n  host: '${host}'${cache}`
    const other = has(PATH) ? undefined : OTHER_PATHS.find(has)
    return {
      edits: [
        {
          path: other ?? PATH,
          lines,
          change(content = '') {
            if (other !== undefined) throw unchangeable(other, lines)
            const document = parse(content)
            if (!hasOptions(document, ['remote']) || !hasOptions(document, ['remote', 'cache'])) {
              throw unchangeable(PATH, lines)
            }
            const isChanged = [
              setOption(document, ['remote', 'host'], host),
              instanceName !== '' && setOption(document, ['remote', 'cache', 'instanceName'], instanceName),
              // It would say that the host speaks HTTP.
              document.hasIn(['remote', 'api']) && document.deleteIn(['remote', 'api']),
            ].includes(true)
            return isChanged ? document.toString({ flowCollectionPadding: false, lineWidth: 0 }) : content
          },
        },
      ],
    }
  },
  firstLine({ grpc, instanceName }) {
    const cache = instanceName === '' ? '' : `, cache: { instanceName: '${instanceName}' }`
    return { where: `in ${PATH}`, line: `remote: { host: 'grpc://${grpc}'${cache} }` }
  },
}

function parse(content: string): Document {
  const document = parseDocument(content)
  const [error] = document.errors
  if (error !== undefined) throw new SetupError(`${PATH}: ${yamlProblem(error)}`)
  if (document.contents !== null && !isMap(document.contents)) throw new SetupError(`${PATH}: it holds no options`)
  return document
}

/** Whether options can be written there: there are some, or nothing is there. */
function hasOptions(document: Document, path: readonly string[]): boolean {
  const node = document.getIn(path, true)
  if (isMap(node)) return true
  if (document.getIn(path) !== undefined && document.getIn(path) !== null) return false
  // Made here, or it becomes an ordered map in documents of YAML 1.1.
  if (node !== undefined) document.setIn(path, document.createNode({}))
  return true
}

function setOption(document: Document, path: readonly string[], value: string): boolean {
  if (document.getIn(path) === value) return false
  for (let length = 1; length < path.length; length++) {
    const parent = path.slice(0, length)
    if (!document.hasIn(parent)) document.setIn(parent, document.createNode({}))
  }
  document.setIn(path, value)
  return true
}

function unchangeable(path: string, lines: string): SetupError {
  return new SetupError(`${path}: it cannot be changed without guessing; have it say this:\n${lines}`)
}
