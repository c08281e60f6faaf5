// Run by `runner.test.ts` under `node --test`, which is how a project without vitest runs the suite.
import { describe, test } from 'node:test'
import { referenceActionCacheHarness, referenceHarness, testActionCache, testStorage } from './index.ts'

testStorage({ describe, test }, 'ReferenceStorage', referenceHarness())
testActionCache({ describe, test }, 'ReferenceActionCache', referenceActionCacheHarness())
