import { mkdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { isErrnoException } from '@caskade/core'
import type { FileOperations, OpenFile } from '@caskade/core/files'
import { fileError } from '@caskade/core/files'

/** The ways to get it wrong that the durability checks must notice. */
export type FileDefect =
  | 'forgets to sync the file'
  | 'forgets to sync the folder'
  | 'renames before it syncs'
  | 'acknowledges before it syncs'
  | 'acknowledges before it writes'
  | 'leaves its temporary files'
  | 'hides its failures'
  | 'has failures of its own'

type Step = 'write' | 'sync' | 'rename' | 'syncFolder' | 'acknowledge'

const RIGHT: readonly Step[] = ['write', 'sync', 'rename', 'syncFolder', 'acknowledge']

const STEPS: Readonly<Record<FileDefect, readonly Step[]>> = {
  'forgets to sync the file': ['write', 'rename', 'syncFolder', 'acknowledge'],
  'forgets to sync the folder': ['write', 'sync', 'rename', 'acknowledge'],
  'renames before it syncs': ['write', 'rename', 'sync', 'syncFolder', 'acknowledge'],
  'acknowledges before it syncs': ['write', 'rename', 'acknowledge', 'sync', 'syncFolder'],
  'acknowledges before it writes': ['acknowledge', 'write', 'sync', 'rename', 'syncFolder'],
  'leaves its temporary files': RIGHT,
  'hides its failures': RIGHT,
  'has failures of its own': RIGHT,
}

let temporaries = 0

/** A folder of files that survive a power failure, the plainest way: one for each name. Or, with a defect, do not. */
export class FileFolder {
  readonly #directory: string
  readonly #files: FileOperations
  readonly #defect: FileDefect | undefined

  constructor(directory: string, files: FileOperations, defect: FileDefect | undefined) {
    this.#directory = directory
    this.#files = files
    this.#defect = defect
  }

  async prepare(): Promise<void> {
    mkdirSync(dirname(this.#directory), { recursive: true })
    await this.#files.createDirectory(this.#directory)
    await this.#files.syncDirectory(dirname(this.#directory))
    await this.#files.syncDirectory(dirname(dirname(this.#directory)))
    if (this.#defect === 'leaves its temporary files') return
    for (const name of await this.#files.readDirectory(this.#directory)) {
      if (name.endsWith('.tmp')) await this.#files.unlink(join(this.#directory, name))
    }
  }

  async names(): Promise<string[]> {
    const names = await this.#files.readDirectory(this.#directory)
    return names.filter((name) => !name.endsWith('.tmp'))
  }

  async open(name: string): Promise<OpenFile | null> {
    try {
      return await this.#files.open(join(this.#directory, name), 'read')
    } catch (error) {
      if (isErrnoException(error, 'ENOENT')) return null
      throw fileError(error, 'File: cannot open')
    }
  }

  async remove(name: string): Promise<void> {
    try {
      await this.#files.unlink(join(this.#directory, name))
    } catch (error) {
      if (!isErrnoException(error, 'ENOENT')) throw fileError(error, 'File: cannot remove')
    }
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    const acknowledged = Promise.withResolvers<void>()
    const steps = this.#defect === undefined ? RIGHT : STEPS[this.#defect]
    void this.#run(steps, name, bytes, acknowledged.resolve).catch(acknowledged.reject)
    await acknowledged.promise
  }

  async #run(steps: readonly Step[], name: string, bytes: Uint8Array, acknowledge: () => void): Promise<void> {
    temporaries += 1
    const path = join(this.#directory, name)
    const temporary = `${path}.${process.pid}.${temporaries}.tmp`
    let file: OpenFile | undefined
    try {
      for (const step of steps) {
        if (step === 'write') {
          file = await this.#files.open(temporary, 'create')
          await file.write([bytes], 0)
        }
        if (step === 'sync') await file?.sync()
        if (step === 'rename') await this.#files.rename(temporary, path)
        if (step === 'syncFolder') await this.#files.syncDirectory(this.#directory)
        if (step === 'acknowledge') acknowledge()
      }
    } catch (error) {
      if (this.#defect !== 'leaves its temporary files') await this.#files.unlink(temporary).catch(() => undefined)
      if (this.#defect === 'hides its failures') acknowledge()
      if (this.#defect === 'has failures of its own') throw error
      throw fileError(error, 'File: cannot write')
    } finally {
      await file?.close()
    }
  }
}
