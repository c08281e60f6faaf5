import type { ServerProcess } from '../support/server-process.ts'

/** A project that a build tool builds, with a server as its remote cache. */
export interface ToolProject {
  /** Builds it; resolves to what the tool said, and how it ended. */
  build(): Promise<BuildOutcome>
  /** Removes what the tool keeps on this machine: its outputs, and every cache of its own. */
  wipe(): Promise<void>
  /** What the build made, as `snapshot` describes it. */
  outputs(): readonly string[]
}

/** What a build came to. */
export interface BuildOutcome {
  readonly code: number | null
  readonly output: string
  /** How many steps were done here, and how many were taken from the remote cache. */
  readonly executed: number
  readonly remote: number
}

/** Where and for whom a project is made. */
export interface ProjectOptions {
  /** An empty folder for it. */
  readonly folder: string
  readonly server: Pick<ServerProcess, 'grpc' | 'http'>
  /** Makes its content unlike that of every other. */
  readonly salt: string
}

/** A real build tool. */
export interface Tool {
  readonly name: string
  /** What `/status` calls it. */
  readonly statistics: string
  /** The command that must be installed; undefined for what npm installs. */
  readonly command?: string | undefined
  /** It is tried where it is installed, and not missed elsewhere. */
  readonly isOptional?: boolean | undefined
  /** Tells whether it is installed where the command alone does not, and it is optional. */
  isInstalled?(): boolean
  /** How many steps its project has that can come from the cache. */
  readonly steps: number
  /** Installs what a command does not bring, into a folder. */
  install?(folder: string): Promise<void>
  /** Makes a project; `tools` is the folder that `install` was given. */
  create(options: ProjectOptions, tools: string): Promise<ToolProject>
  /** Whether a build goes on when the server is gone in the middle of it; where it does not, no server can help it. */
  readonly survivesAbsence: boolean
}
