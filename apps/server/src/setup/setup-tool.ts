import type { FrontendConfigs } from '../config/server-config.ts'

/** Where a tool finds the server. */
interface ServerAddresses {
  /** `host:port` of gRPC. */
  readonly grpc: string
  /** `http://host:port`, followed by the instance as a prefix if there is one. */
  readonly http: string
  /** The instance to use; empty for none in particular. */
  readonly instanceName: string
}

/** Where the server is, and what a project looks like that is to use it. */
export interface SetupContext extends ServerAddresses {
  /** Tells whether a file is there, by its path within the project. */
  readonly has: (path: string) => boolean
  /** Where tools that have no file in a project keep their own configuration, by the name of the tool. */
  readonly userConfigPath: (tool: 'ccache' | 'sccache') => string
}

/** How one file is to say that the server is to be used. */
export interface FileEdit {
  /** Within the project, or absolute. */
  readonly path: string
  /** What it has to say, for whoever writes it there himself. */
  readonly lines: string
  /**
   * Writes it into what the file holds, undefined when there is none; returns it unchanged when it says so already.
   *
   * @throws SetupError when the file cannot be changed without guessing.
   */
  readonly change: (content: string | undefined) => string
}

/** Everything that has to be done for a tool. */
export interface SetupPlan {
  readonly edits: readonly FileEdit[]
  /** Variables that the tool wants in its environment besides. */
  readonly environment?: Readonly<Record<string, string>> | undefined
  /** Variables that say the same as the files, for a project that shall not share them with others of its user. */
  readonly instead?: Readonly<Record<string, string>> | undefined
  /** What else a person should know, a sentence each. */
  readonly notes?: readonly string[] | undefined
}

/** A build tool that can be told of the server. */
export interface SetupTool {
  /** What it is called on the command line. */
  readonly name: string
  readonly title: string
  /** What it speaks to. */
  readonly frontend: keyof FrontendConfigs
  /** Tells whether a project is built with it. */
  readonly isUsedIn: (has: SetupContext['has']) => boolean
  readonly plan: (context: SetupContext) => SetupPlan
  /** What is enough for a first try, if that is one line, and where it stands. */
  readonly firstLine?: ((addresses: ServerAddresses) => { readonly where: string; readonly line: string }) | undefined
}

/** Why files were not changed, for the person who asked for it. */
export class SetupError extends Error {
  override readonly name = 'SetupError'
}
