import { fileBackend } from './file-backend.fixture.ts'

export const open = (directory: string): ReturnType<typeof fileBackend> => fileBackend(directory)
