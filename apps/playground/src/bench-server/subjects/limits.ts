/** What every server with a disk may store, in bytes. */
export const maxStoreBytes: number = 16 * 1024 ** 3
