/** https://www.sqlite.org/fileformat2.html#b_tree_pages, for pages of 4096 bytes without reserved space. */
const PAGE_BYTES = 4096
const PAGE_HEADER_BYTES = 8

/** What a cell takes besides its content: pointer, length, row id, and the header of the record. */
const CELL_BYTES = 16

/** The most that a cell holds itself; the rest of a larger record lies on overflow pages of its own. */
const MAX_LOCAL_BYTES = PAGE_BYTES - 35
const MIN_LOCAL_BYTES = Math.floor(((PAGE_BYTES - 12) * 32) / 255) - 23
const OVERFLOW_BYTES = PAGE_BYTES - 4

/**
 * What a row takes in a table of such rows, in bytes: its part of a page, of which a few large rows do not fill all, and
 * its overflow pages.
 */
export function rowCostBytes(contentBytes: number): number {
  const localBytes = localBytesOf(contentBytes)
  const overflowPages = Math.ceil((contentBytes - localBytes) / OVERFLOW_BYTES)
  const cellsPerPage = Math.floor((PAGE_BYTES - PAGE_HEADER_BYTES) / (localBytes + CELL_BYTES))
  return Math.ceil(PAGE_BYTES / Math.max(1, cellsPerPage)) + overflowPages * PAGE_BYTES
}

/** The most content, up to a limit, that a row can have which takes so many bytes; 0 when there is none. */
export function largestRowBytes(costBytes: number, limitBytes: number): number {
  let contentBytes = limitBytes
  while (contentBytes > 0 && rowCostBytes(contentBytes) > costBytes) contentBytes -= 1
  return contentBytes
}

function localBytesOf(contentBytes: number): number {
  if (contentBytes <= MAX_LOCAL_BYTES) return contentBytes
  const remainder = MIN_LOCAL_BYTES + ((contentBytes - MIN_LOCAL_BYTES) % OVERFLOW_BYTES)
  return remainder <= MAX_LOCAL_BYTES ? remainder : MIN_LOCAL_BYTES
}
