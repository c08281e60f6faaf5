import type { ParseError } from 'jsonc-parser'
import { parse, printParseErrorCode } from 'jsonc-parser'
import { setJsonProperty } from './json-property.ts'
import type { SetupTool } from './setup-tool.ts'
import { SetupError } from './setup-tool.ts'

const PATH = 'turbo.json'

/** The name under which artifacts are kept apart from those of other teams, where nobody gives another. */
const TEAM = 'team'

export const turborepoSetup: SetupTool = {
  name: 'turborepo',
  title: 'Turborepo',
  frontend: 'turborepo',
  isUsedIn: (has) => has(PATH) || has('turbo.jsonc'),
  plan({ http, has }) {
    const path = has('turbo.jsonc') && !has(PATH) ? 'turbo.jsonc' : PATH
    const wanted = { apiUrl: http, teamSlug: TEAM }
    return {
      edits: [
        {
          path,
          lines: `"remoteCache": ${JSON.stringify(wanted, undefined, 2)}`,
          change(content) {
            if (content === undefined)
              throw new SetupError(`${path}: it is not there; run this in the root of a Turborepo`)
            const remoteCache = readRemoteCache(path, content)
            if (remoteCache === undefined) return setJsonProperty(content, [], 'remoteCache', wanted)
            const { teamSlug, enabled } = remoteCache
            const options = {
              apiUrl: http,
              ...(teamSlug === undefined && { teamSlug: TEAM }),
              ...(enabled === false && { enabled: true }),
            }
            return Object.entries(options).reduce(
              (changed, [name, value]) => setJsonProperty(changed, ['remoteCache'], name, value),
              content,
            )
          },
        },
      ],
      environment: { TURBO_TOKEN: 'any' },
      notes: [
        'turbo uses no remote cache without a token. This server asks for none, so any will do.',
        'The team keeps its artifacts apart from those of others; any name will do.',
      ],
    }
  },
  firstLine: ({ http }) => ({
    where: 'in the environment',
    line: `export TURBO_API=${http} TURBO_TEAM=${TEAM} TURBO_TOKEN=any`,
  }),
}

function readRemoteCache(path: string, content: string): Record<string, unknown> | undefined {
  const errors: ParseError[] = []
  const options: unknown = parse(content, errors, { allowTrailingComma: true })
  const [error] = errors
  if (error !== undefined) {
    throw new SetupError(`${path}: ${printParseErrorCode(error.error)} at character ${error.offset}`)
  }
  if (!isObject(options)) throw new SetupError(`${path}: it holds no options`)
  const { remoteCache } = options
  if (remoteCache !== undefined && !isObject(remoteCache))
    throw new SetupError(`${path}: remoteCache is not a set of options`)
  return remoteCache
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
