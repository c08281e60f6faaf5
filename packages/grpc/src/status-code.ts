/** The status codes of gRPC, by number (gRPC core concepts, "Status codes and their use in gRPC"). */
export const StatusCode = {
  OK: 0,
  CANCELLED: 1,
  UNKNOWN: 2,
  INVALID_ARGUMENT: 3,
  DEADLINE_EXCEEDED: 4,
  NOT_FOUND: 5,
  ALREADY_EXISTS: 6,
  PERMISSION_DENIED: 7,
  RESOURCE_EXHAUSTED: 8,
  FAILED_PRECONDITION: 9,
  ABORTED: 10,
  OUT_OF_RANGE: 11,
  UNIMPLEMENTED: 12,
  INTERNAL: 13,
  UNAVAILABLE: 14,
  DATA_LOSS: 15,
  UNAUTHENTICATED: 16,
} as const

/** One of the numbers of {@link StatusCode}. */
export type StatusCode = (typeof StatusCode)[keyof typeof StatusCode]

/** The name of a code, such as `NOT_FOUND`; its number where there is none. */
export function statusCodeName(code: StatusCode): string {
  return Object.entries(StatusCode).find(([, known]) => known === code)?.[0] ?? String(code)
}
