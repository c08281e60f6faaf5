export { DigestBytes } from './digest-bytes.ts'
export { FUNCTION_CODES } from './function-codes.ts'
export { copyHashWords, MAX_HASH_WORDS } from './hash-words.ts'
export { KnownBlobs } from './known-blobs.ts'
