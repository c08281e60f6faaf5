import type { OpenFile } from './file-operations.ts'

/** Reads until a buffer is full, or the file ends; resolves to how many bytes there were. Rejects as the file does. */
export async function readFully(file: OpenFile, buffer: Uint8Array, position: number): Promise<number> {
  let filled = 0
  while (filled < buffer.byteLength) {
    const bytesRead = await file.read(filled === 0 ? buffer : buffer.subarray(filled), position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}
