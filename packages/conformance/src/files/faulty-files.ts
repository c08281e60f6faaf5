import type { FileOperations, FileStat, OpenFile, OpenMode } from '@caskade/core/files'
import { nodeFiles } from '@caskade/core/files'
import { FaultPlan } from './fault-plan.ts'
import type { FileFault } from './file-fault.ts'
import { fileFailure } from './file-fault.ts'

/**
 * File operations of which chosen ones fail, for a storage that takes {@link FileOperations}.
 *
 * A storage must report such a failure with the code for it, never as absence, and work again once it is over.
 */
export class FaultyFiles implements FileOperations {
  readonly #inner: FileOperations
  readonly #plan: FaultPlan

  constructor(inner: FileOperations = nodeFiles, plan: readonly FileFault[] = []) {
    this.#inner = inner
    this.#plan = new FaultPlan(plan)
  }

  /** How many operations were made to fail; a test that expects failures checks that there were any. */
  get failures(): number {
    return this.#plan.failures
  }

  async open(path: string, mode: OpenMode): Promise<OpenFile> {
    const open = (): Promise<OpenFile> => this.#inner.open(path, mode)
    const file = await this.#plan.attempt('open', [path], open, async (opened) => opened.close())
    return new FaultyFile(this.#plan, path, file)
  }

  link(existingPath: string, newPath: string): Promise<void> {
    return this.#plan.attempt('link', [existingPath, newPath], () => this.#inner.link(existingPath, newPath))
  }

  rename(oldPath: string, newPath: string): Promise<void> {
    return this.#plan.attempt('rename', [oldPath, newPath], () => this.#inner.rename(oldPath, newPath))
  }

  unlink(path: string): Promise<void> {
    return this.#plan.attempt('unlink', [path], () => this.#inner.unlink(path))
  }

  stat(path: string): Promise<FileStat> {
    return this.#plan.attempt('stat', [path], () => this.#inner.stat(path))
  }

  setModified(path: string, timeUs: number): Promise<void> {
    return this.#plan.attempt('setModified', [path], () => this.#inner.setModified(path, timeUs))
  }

  createDirectory(path: string): Promise<void> {
    return this.#plan.attempt('createDirectory', [path], () => this.#inner.createDirectory(path))
  }

  removeDirectory(path: string): Promise<void> {
    return this.#plan.attempt('removeDirectory', [path], () => this.#inner.removeDirectory(path))
  }

  readDirectory(path: string): Promise<string[]> {
    return this.#plan.attempt('readDirectory', [path], () => this.#inner.readDirectory(path))
  }

  syncDirectory(path: string): Promise<void> {
    return this.#plan.attempt('syncDirectory', [path], () => this.#inner.syncDirectory(path))
  }
}

class FaultyFile implements OpenFile {
  readonly #plan: FaultPlan
  readonly #path: string
  readonly #inner: OpenFile

  constructor(plan: FaultPlan, path: string, inner: OpenFile) {
    this.#plan = plan
    this.#path = path
    this.#inner = inner
  }

  read(buffer: Uint8Array, position: number): Promise<number> {
    return this.#plan.attempt('read', [this.#path], () => this.#inner.read(buffer, position))
  }

  async write(buffers: readonly Uint8Array[], position: number): Promise<void> {
    const fault = this.#plan.faultOf('write', [this.#path])
    if (fault === undefined) return this.#inner.write(buffers, position)
    const bytes = Buffer.concat(buffers)
    const written = { none: 0, torn: bytes.byteLength >> 1, whole: bytes.byteLength }[fault.effect ?? 'none']
    await this.#inner.write([bytes.subarray(0, written)], position)
    throw fileFailure(fault.errno, 'write', this.#path)
  }

  sync(): Promise<void> {
    return this.#plan.attempt('sync', [this.#path], () => this.#inner.sync())
  }

  sizeBytes(): Promise<number> {
    return this.#plan.attempt('size', [this.#path], () => this.#inner.sizeBytes())
  }

  stat(): Promise<FileStat> {
    return this.#plan.attempt('stat', [this.#path], () => this.#inner.stat())
  }

  setModified(timeUs: number): Promise<void> {
    return this.#plan.attempt('setModified', [this.#path], () => this.#inner.setModified(timeUs))
  }

  close(): Promise<void> {
    return this.#inner.close()
  }
}
