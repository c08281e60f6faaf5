import type { Node } from 'jsonc-parser'
import { createScanner, findNodeAtLocation, parseTree } from 'jsonc-parser'

/** The indentation of files that show none. */
const DEFAULT_INDENT = '  '

/**
 * Sets an option of JSON with comments, written as the rest of the file is: on lines of its own with the file's own indentation,
 * or on the one line that there is. Everything else stays byte for byte.
 *
 * @param path The object that the option belongs to, which must be there.
 */
export function setJsonProperty(content: string, path: readonly string[], name: string, value: unknown): string {
  const root = parseTree(content, [], { allowTrailingComma: true })
  const object = root && findNodeAtLocation(root, [...path])
  if (root === undefined || object?.type !== 'object') throw new Error(`there is no object at ${path.join('.')}`)
  const there = findNodeAtLocation(object, [name])
  if (there !== undefined) return replace(content, there.offset, there.length, JSON.stringify(value))
  return addProperty(content, object, name, { value, unit: indentOf(content, root.children?.[0]) ?? DEFAULT_INDENT })
}

/** What is added, and by how much more than its surroundings a line is indented. */
interface Addition {
  readonly value: unknown
  readonly unit: string
}

function addProperty(content: string, object: Node, name: string, { value, unit }: Addition): string {
  const end = object.offset + object.length - 1
  const last = object.children?.at(-1)
  const lastEnd = last === undefined ? object.offset + 1 : last.offset + last.length
  const tail = content.slice(lastEnd, end)
  const first = object.children?.[0]
  const outer = lineIndent(content, object.offset)
  // What is empty is taken apart, unless it stands within a line of other things.
  const isOnLines = first === undefined || content.slice(object.offset, end).includes('\n')
  const indent = indentOf(content, first) ?? outer + unit
  const text = `${JSON.stringify(name)}: ${isOnLines ? onLines(value, indent, unit) : onOneLine(value)}`
  const isClosed = last === undefined || hasComma(tail)
  const added = `${isOnLines ? `\n${indent}` : ' '}${text}${last !== undefined && isClosed ? ',' : ''}`
  // Behind comments that are about what comes before.
  const at = lastEnd + tail.trimEnd().length
  const close = first === undefined && !tail.includes('\n') ? `\n${outer}` : ''
  const changed = replace(content, at, 0, added + close)
  return isClosed ? changed : replace(changed, lastEnd, 0, ',')
}

function replace(content: string, offset: number, length: number, text: string): string {
  return content.slice(0, offset) + text + content.slice(offset + length)
}

/** Whether there is a comma among white space and comments. */
function hasComma(text: string): boolean {
  const scanner = createScanner(text, true)
  scanner.scan()
  return text[scanner.getTokenOffset()] === ','
}

/** The indentation of something that begins its line. */
function indentOf(content: string, node: Node | undefined): string | undefined {
  if (node === undefined) return undefined
  const indent = lineIndent(content, node.offset)
  const lineStart = content.lastIndexOf('\n', node.offset - 1) + 1
  return lineStart > 0 && node.offset === lineStart + indent.length ? indent : undefined
}

/** The white space at the start of the line of an offset. */
function lineIndent(content: string, offset: number): string {
  const lineStart = content.lastIndexOf('\n', offset - 1) + 1
  return /^[ \t]*/.exec(content.slice(lineStart, offset))?.[0] ?? ''
}

function onLines(value: unknown, indent: string, unit: string): string {
  return JSON.stringify(value, undefined, unit).replaceAll('\n', `\n${indent}`)
}

function onOneLine(value: unknown): string {
  const [text, ...lines] = JSON.stringify(value, undefined, 1).split('\n')
  return [text, ...lines.map((line) => line.trim())].join(' ')
}
