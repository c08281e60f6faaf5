// Starts what runs one case for one subject. Hundreds of these processes are made: code that is compiled once for all of
// them makes up for most of the time that takes.
import { enableCompileCache } from 'node:module'

enableCompileCache()
await import('./answer-rounds.ts')
