/** Names an option by where it stands, such as `backend.cache.maxBytes`. */
export function optionPath(path: string, key: string): string {
  return path === '' ? key : `${path}.${key}`
}

/** Writes a JSON Pointer (RFC 6901) as options are named. */
export function fromPointer(pointer: string): string {
  return pointer.slice(1).replaceAll('/', '.').replaceAll('~1', '/').replaceAll('~0', '~')
}
