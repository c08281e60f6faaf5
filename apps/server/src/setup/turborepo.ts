import type { ParseError } from 'jsonc-parser'
import { applyEdits, modify, parse, printParseErrorCode } from 'jsonc-parser'
import type { SetupTool } from './setup-tool.ts'
import { SetupError } from './setup-tool.ts'

const PATH = 'turbo.json'
const FORMAT = { formattingOptions: { insertSpaces: true, tabSize: 2 } }

/** The name under which artifacts are kept apart from those of other teams, where nobody gives another. */
const TEAM = 'team'

export const turborepoSetup: SetupTool = {
  name: 'turborepo',
  title: 'Turborepo',
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
            const errors: ParseError[] = []
            const before = parse(content, errors, { allowTrailingComma: true }) as {
              remoteCache?: Record<string, unknown>
            }
            const [error] = errors
            if (error !== undefined) {
              throw new SetupError(`${path}: ${printParseErrorCode(error.error)} at character ${error.offset}`)
            }
            const { teamSlug = TEAM } = before.remoteCache ?? {}
            const withUrl = applyEdits(content, modify(content, ['remoteCache', 'apiUrl'], http, FORMAT))
            return applyEdits(withUrl, modify(withUrl, ['remoteCache', 'teamSlug'], teamSlug, FORMAT))
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
}
