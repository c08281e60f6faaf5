// Run by `runner.test.ts` under `node --test`, which is how a project without vitest runs the suite.
import { describe, test } from 'node:test'
import { ReferenceActionCache, referenceHarness, testActionCache, testStorage } from './index.ts'

testStorage({ describe, test }, 'ReferenceStorage', referenceHarness())
testActionCache({ describe, test }, 'ReferenceActionCache', { create: () => new ReferenceActionCache() })
