import type { FileEdit } from './setup-tool.ts'
import { SetupError } from './setup-tool.ts'

/** Lines in a file that are ours, between two comments that say so. Writing them again replaces them. */
export function managedBlock(path: string, lines: string, comment = '#'): FileEdit {
  const [start, end] = [`${comment} >>> caskade`, `${comment} <<< caskade`]
  const block = `${start}\n${lines}\n${end}\n`
  return {
    path,
    lines,
    change(content = '') {
      const rest = content.replaceAll(blocks(start, end), '')
      if (new RegExp(`^(?:${start}|${end})\\r?$`, 'm').test(rest)) {
        throw new SetupError(
          `${path}: of "${start}" and "${end}" there is one without the other; remove what is left of it`,
        )
      }
      let isWritten = false
      const replaced = content.replaceAll(blocks(start, end), () => {
        const replacement = isWritten ? '' : block
        isWritten = true
        return replacement
      })
      if (isWritten) return replaced
      return `${content}${content === '' || content.endsWith('\n') ? '' : '\n'}${block}`
    },
  }
}

/** What is in a file besides the lines that are ours. */
export function withoutBlocks(content: string, comment = '#'): string {
  return content.replaceAll(blocks(`${comment} >>> caskade`, `${comment} <<< caskade`), '')
}

/** Neither of the comments has a character that means something in a pattern. */
function blocks(start: string, end: string): RegExp {
  return new RegExp(`^${start}\\r?\\n(?:(?!${start}\\r?\\n)[^])*?^${end}(?:\\r?\\n|$(?![^]))`, 'gm')
}
