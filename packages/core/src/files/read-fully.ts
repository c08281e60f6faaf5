import type { OpenFile } from './file-operations.ts'

/**
 * Reads until a buffer is full, or the file ends, no more than `maxAtOnceBytes` at once; resolves to how many bytes there were.
 * Rejects as the file does.
 */
export async function readFully(
  file: OpenFile,
  buffer: Uint8Array,
  position: number,
  maxAtOnceBytes: number = buffer.byteLength,
): Promise<number> {
  let filled = 0
  while (filled < buffer.byteLength) {
    const bytesRead = await file.read(buffer.subarray(filled, filled + maxAtOnceBytes), position + filled)
    if (bytesRead === 0) break
    filled += bytesRead
  }
  return filled
}
