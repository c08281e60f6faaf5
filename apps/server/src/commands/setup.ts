import { existsSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { ConfigError } from '../config/config-error.ts'
import { ccacheConfigPath, sccacheConfigPath } from '../config/environment.ts'
import { instanceNameProblem } from '../config/instance-name.ts'
import { parseListenAddress } from '../config/listen-address.ts'
import { nearestOf } from '../config/nearest.ts'
import type { ServerConfig } from '../config/server-config.ts'
import { DEFAULT_HTTP_LISTEN, DEFAULT_LISTEN } from '../config/server-config.ts'
import { applyEdits } from '../setup/apply-edits.ts'
import { describeApplied, describePlan } from '../setup/describe-plan.ts'
import { httpAddress, instanceFor, isServed } from '../setup/instance-for.ts'
import type { SetupContext, SetupTool } from '../setup/setup-tool.ts'
import { SetupError } from '../setup/setup-tool.ts'
import { setupTools } from '../setup/setup-tools.ts'

/** What is asked of `caskade setup`. */
export interface SetupOptions {
  /** The name of a tool; without one, all that the project is built with, as far as its files tell. */
  readonly tool: string | undefined
  /** The folder of the project. */
  readonly project: string
  /** Changes the files of the project rather than print what they have to say. */
  readonly write: boolean
  readonly instanceName: string
  /** How the server is set up that is to be used. */
  readonly config: ServerConfig
}

/** What came of `caskade setup`. */
export interface SetupReport {
  /** What there is to print. */
  readonly output: string
  /** Of several tools, those for which nothing could be done, with why. */
  readonly problems: readonly string[]
}

/**
 * Tells, or writes, what a project has to say so that its build tools use the server.
 *
 * @throws ConfigError, or SetupError, when nothing can be done; the files of a tool are then what they were.
 */
export function setUp(options: SetupOptions): SetupReport {
  const { tool: name, project, write, instanceName } = options
  if (!statSync(project, { throwIfNoEntry: false })?.isDirectory()) {
    throw new ConfigError([`setup: there is no folder ${project}`])
  }
  const problem = instanceName === '' ? undefined : instanceNameProblem(instanceName)
  if (problem !== undefined) throw new ConfigError([`setup: ${problem}`])
  if (name !== undefined) return { output: setUpTool(toolOf(name), options), problems: [] }
  const used = setupTools.filter(({ isUsedIn }) => isUsedIn((path) => existsSync(join(project, path))))
  if (used.length > 0) return setUpTools(used, options)
  if (write) throw new SetupError(nothingTells().trimEnd())
  return { output: nothingTells(), problems: [] }
}

function toolOf(name: string): SetupTool {
  const tool = setupTools.find((each) => each.name === name)
  if (tool !== undefined) return tool
  const known = setupTools.map((each) => each.name)
  const nearest = nearestOf(name, known)
  const hint = nearest === undefined ? `there are ${known.join(', ')}` : `did you mean ${nearest}?`
  throw new ConfigError([`setup: there is no tool ${name}; ${hint}`])
}

function setUpTool(tool: SetupTool, options: SetupOptions): string {
  const plan = tool.plan(contextOf(tool, options))
  return options.write ? describeApplied(applyEdits(options.project, plan.edits), plan) : describePlan(plan)
}

/** What cannot be done for one tool does not keep the others from having theirs. */
function setUpTools(tools: readonly SetupTool[], options: SetupOptions): SetupReport {
  const sections: string[] = []
  const problems: string[] = []
  for (const tool of tools) {
    const { title, frontend } = tool
    if (!isServed(tool, options.config.frontends)) {
      sections.push(`== ${title} ==\n\nIt is not served: frontends.${frontend}.enabled of the server is false.\n`)
      continue
    }
    try {
      sections.push(`== ${title} ==\n\n${setUpTool(tool, options)}`)
    } catch (error) {
      if (!(error instanceof SetupError) && !(error instanceof ConfigError)) throw error
      problems.push(`setup ${tool.name}: ${error.message}`)
    }
  }
  if (!options.write && sections.length > 0) sections.push('With --write, this is written into the files.\n')
  return { output: sections.join('\n'), problems }
}

function contextOf(tool: SetupTool, { project, instanceName: wanted, config }: SetupOptions): SetupContext {
  const instanceName = instanceFor(tool, wanted, config.frontends)
  const http = reachable(config.httpListen ?? DEFAULT_HTTP_LISTEN, 'httpListen')
  const configPaths = { ccache: ccacheConfigPath, sccache: sccacheConfigPath }
  return {
    grpc: reachable(config.listen ?? DEFAULT_LISTEN, 'listen'),
    http: httpAddress(http, instanceName),
    instanceName,
    has: (path) => existsSync(join(project, path)),
    userConfigPath: (name) => configPaths[name](),
  }
}

/** A server that listens everywhere is reached from here by the address of this machine alone. */
function reachable(address: string, option: string): string {
  const { host, port } = parseListenAddress(address, option)
  if (port === 0) throw new ConfigError([`${option}: port 0 is another one each time the server starts; name one`])
  if (host === '0.0.0.0' || host === '::') return `127.0.0.1:${port}`
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function nothingTells(): string {
  const lines = setupTools.map(({ name, title }) => `  caskade setup ${name.padEnd(10)} ${title}`)
  return `Nothing here says which build tool is used. There are:\n\n${lines.join('\n')}\n`
}
