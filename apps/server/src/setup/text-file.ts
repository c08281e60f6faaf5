const BYTE_ORDER_MARK = '\u{feff}'

/** The content of a text file, and how it is written. */
export interface TextFile {
  /** With `\n` at the end of lines, unless the file has both kinds of ends. */
  readonly content: string
  readonly lineEnd: '\n' | '\r\n'
  readonly hasByteOrderMark: boolean
}

/** Undefined when the bytes are no UTF-8. */
export function decodeText(bytes: Uint8Array): TextFile | undefined {
  const text = decode(bytes)
  if (text === undefined) return undefined
  const hasByteOrderMark = text.startsWith(BYTE_ORDER_MARK)
  const content = hasByteOrderMark ? text.slice(1) : text
  const isDos = /\r\n/.test(content) && !/(?<!\r)\n/.test(content)
  return {
    content: isDos ? content.replaceAll('\r\n', '\n') : content,
    lineEnd: isDos ? '\r\n' : '\n',
    hasByteOrderMark,
  }
}

export function encodeText({ content, lineEnd, hasByteOrderMark }: TextFile): Buffer {
  const lines = lineEnd === '\n' ? content : content.replaceAll('\n', lineEnd)
  return Buffer.from(hasByteOrderMark ? BYTE_ORDER_MARK + lines : lines)
}

function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return undefined
  }
}
