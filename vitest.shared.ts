import { defineConfig } from 'vitest/config'

// Workspace packages resolve to their TypeScript source, so tests need no build.
const conditions = ['@caskade/source', 'module', 'node', 'development|production']

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions } },
  test: {
    include: ['src/**/*.test.ts'],
    // Only what hangs takes so long, however busy the machine is.
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
