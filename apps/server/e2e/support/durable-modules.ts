/** The backends whose durability is checked, by name: modules that export `open(directory)`. */
export const durableModules: readonly (readonly [name: string, module: URL])[] = [
  ['Sqlite', new URL('sqlite.module.ts', import.meta.url)],
  ['WithCache(Memory, Sqlite)', new URL('with-cache.module.ts', import.meta.url)],
]
