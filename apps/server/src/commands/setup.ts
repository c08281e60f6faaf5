import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { ccacheConfigPath, sccacheConfigPath } from '../config/environment.ts'
import { parseListenAddress } from '../config/listen-address.ts'
import { nearestOf } from '../config/nearest.ts'
import { ConfigError } from '../config/config-error.ts'
import type { ServerConfig } from '../config/server-config.ts'
import { DEFAULT_HTTP_LISTEN, DEFAULT_LISTEN } from '../config/server-config.ts'
import { applyEdits } from '../setup/apply-edits.ts'
import type { SetupContext, SetupPlan, SetupTool } from '../setup/setup-tool.ts'
import { setupTools } from '../setup/setup-tools.ts'

/** What is asked of `caskade setup`. */
export interface SetupOptions {
  /** The name of a tool; without one, those are named that the project seems to be built with. */
  readonly tool: string | undefined
  /** The folder of the project. */
  readonly project: string
  /** Changes the files of the project rather than print what they have to say. */
  readonly write: boolean
  readonly instanceName: string
  /** How the server is set up that is to be used. */
  readonly config: ServerConfig
}

/** Tells, or writes, what a project has to say so that a build tool uses the server. Returns what there is to print. */
export function setUp({ tool: name, project, write, instanceName, config }: SetupOptions): string {
  const context = contextOf(project, instanceName, config)
  if (name === undefined) return describeTools(context)
  const tool = setupTools.find((each) => each.name === name)
  if (tool === undefined) throw new ConfigError([unknownTool(name)])
  const plan = tool.plan(context)
  return write ? applyPlan(project, plan) : describePlan(plan)
}

function contextOf(project: string, instanceName: string, config: ServerConfig): SetupContext {
  const parts = instanceName.split('/')
  if (instanceName !== '' && !parts.every((part) => /^[\w.~-]+$/.test(part) && !/^\.{1,2}$/.test(part))) {
    throw new ConfigError([
      `setup: ${JSON.stringify(instanceName)} cannot be an instance; use names of letters, digits, and . _ ~ -, with / between them`,
    ])
  }
  const http = reachable(config.httpListen ?? DEFAULT_HTTP_LISTEN, 'httpListen')
  const configPaths = { ccache: ccacheConfigPath, sccache: sccacheConfigPath }
  return {
    grpc: reachable(config.listen ?? DEFAULT_LISTEN, 'listen'),
    http: ['http:/', http, instanceName].filter((part) => part !== '').join('/'),
    instanceName,
    has: (path) => existsSync(join(project, path)),
    userConfigPath: (tool) => configPaths[tool](),
  }
}

/** A server that listens everywhere is reached from here by the address of this machine alone. */
function reachable(address: string, option: string): string {
  const { host, port } = parseListenAddress(address, option)
  if (port === 0) throw new ConfigError([`${option}: port 0 is another one each time the server starts; name one`])
  if (host === '0.0.0.0' || host === '::') return `127.0.0.1:${port}`
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function describeTools(context: SetupContext): string {
  const used = setupTools.filter(({ isUsedIn }) => isUsedIn(context.has))
  const line = ({ name, title }: SetupTool): string => `  caskade setup ${name.padEnd(10)} ${title}`
  if (used.length === 0)
    return `Nothing here says which build tool is used. There are:\n\n${setupTools.map(line).join('\n')}\n`
  return `This project seems to be built with:\n\n${used.map(line).join('\n')}\n\nWith --write, its files are changed.\n`
}

function describePlan({ edits, environment = {}, notes = [] }: SetupPlan): string {
  const files = edits.map(({ path, lines }) => `In ${path}:\n\n${indent(lines)}\n`)
  return [...files, ...describeEnvironment(environment), ...notes.map((note) => `${note}\n`)].join('\n')
}

function applyPlan(project: string, { edits, environment = {}, notes = [] }: SetupPlan): string {
  const done = applyEdits(project, edits).map(({ path, outcome }) => `${path}: ${outcome}\n`)
  const rest = [...describeEnvironment(environment), ...notes.map((note) => `${note}\n`)]
  return [done.join(''), ...rest].join('\n')
}

function describeEnvironment(environment: Readonly<Record<string, string>>): string[] {
  const variables = Object.entries(environment).map(([name, value]) => `export ${name}=${value}`)
  return variables.length === 0 ? [] : [`In the environment:\n\n${indent(variables.join('\n'))}\n`]
}

function indent(text: string): string {
  return text.replaceAll(/^/gm, '  ')
}

function unknownTool(name: string): string {
  const known = setupTools.map((tool) => tool.name)
  const nearest = nearestOf(name, known)
  const hint = nearest === undefined ? `there are ${known.join(', ')}` : `did you mean ${nearest}?`
  return `setup: there is no tool ${name}; ${hint}`
}
