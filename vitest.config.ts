import { defineConfig } from 'vitest/config'

// Runs every package's tests in one process: `pnpm vitest`, coverage and editors use this.
export default defineConfig({
  test: {
    projects: ['packages/*', 'apps/*'],
    coverage: {
      provider: 'v8',
      include: ['{packages,apps}/*/src/**/*.ts'],
      exclude: ['**/*.{test,bench}.ts', '**/gen/**'],
    },
  },
})
