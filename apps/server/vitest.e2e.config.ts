import { defineConfig } from 'vitest/config'
import shared from '../../vitest.shared.ts'

// Runs the built server as a process, with real clients. They take turns: each wants the machine for itself.
export default defineConfig({
  ...shared,
  test: { include: ['e2e/**/*.e2e.ts'], fileParallelism: false, testTimeout: 1_200_000, hookTimeout: 600_000 },
})
