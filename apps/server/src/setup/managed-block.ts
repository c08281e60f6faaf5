import type { FileEdit } from './setup-tool.ts'

/** Lines in a file that are ours, between two comments that say so. Writing them again replaces them. */
export function managedBlock(path: string, lines: string, comment = '#'): FileEdit {
  const [start, end] = [`${comment} >>> caskade`, `${comment} <<< caskade`]
  const block = `${start}\n${lines}\n${end}\n`
  return {
    path,
    lines,
    change(content = '') {
      const [from, to] = [content.indexOf(`${start}\n`), content.indexOf(`${end}\n`)]
      if (from !== -1 && to > from) return content.slice(0, from) + block + content.slice(to + end.length + 1)
      const separator = content === '' || content.endsWith('\n') ? '' : '\n'
      return content + separator + block
    },
  }
}
