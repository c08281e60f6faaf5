import { setFlagsFromString } from 'node:v8'

/** The oldest Node.js whose V8 knows the flags. */
const SINCE_NODE_MAJOR = 26

/**
 * Has V8 collect its heap by how much of it is in use.
 *
 * A server's heap is small, and buffers stream through it. By default V8 goes through all of the heap each time another 64 MB
 * of buffers were made, however many of them were let go of in between, which took two thirds of the CPU of reading a large
 * blob. With these flags buffers count like the rest of the heap, and it is gone through when it has grown to three times what
 * was left the last time; most buffers are let go of before, when the young part of the heap is collected.
 *
 * For the process of the server alone: programs that start one in theirs have a heap of their own to think of.
 */
export function tuneHeap(): void {
  const [major = 0] = process.versions.node.split('.').map(Number)
  if (major < SINCE_NODE_MAJOR) return
  setFlagsFromString('--external-memory-accounted-in-global-limit')
  setFlagsFromString('--heap-growing-percent=200')
}
