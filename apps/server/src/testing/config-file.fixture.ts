import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach } from 'vitest'

/** A folder for a configuration file, and what is written there. */
export interface ConfigFolder {
  /** Where it is, while a test runs. */
  readonly path: string
  /** Writes the configuration file; returns its path. */
  readonly write: (text: string) => string
}

/** Gives each test of a file an empty folder for a configuration file. */
export function useConfigFolder(): ConfigFolder {
  let directory = ''
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'caskade-config-'))
  })
  afterEach(() => rmSync(directory, { recursive: true }))
  return {
    get path() {
      return directory
    },
    write(text) {
      const path = join(directory, 'caskade.yaml')
      writeFileSync(path, text)
      return path
    },
  }
}
