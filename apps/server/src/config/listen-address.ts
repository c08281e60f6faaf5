import type { AddressInfo } from 'node:net'
import { ConfigError } from './config-error.ts'

/** Where to listen. */
export interface ListenAddress {
  readonly host: string
  /** 0 picks a free one. */
  readonly port: number
}

/**
 * Reads `host:port`, with the host of IPv6 in brackets.
 *
 * @throws ConfigError when it is neither.
 */
export function parseListenAddress(text: string, option: string): ListenAddress {
  const [, bracketed, plain, port] = /^(?:\[([0-9A-Fa-f:.]+)\]|([^:[\]\s]+)):(\d{1,5})$/.exec(text) ?? []
  const host = bracketed ?? plain
  if (host !== undefined && Number(port) <= 65_535) return { host, port: Number(port) }
  const hint = /^:?\d{1,5}$/.test(text)
    ? `; did you mean "127.0.0.1:${text.replace(':', '')}"?`
    : ', such as 127.0.0.1:8980 or [::1]:8980'
  throw new ConfigError([`${option}: ${JSON.stringify(text)} is not host:port${hint}`])
}

/** Writes an address as clients of this machine reach it. */
export function formatAddress({ address, port, family }: AddressInfo): string {
  const host = address === '0.0.0.0' || address === '::' ? '127.0.0.1' : address
  return family === 'IPv6' && host === address ? `[${host}]:${port}` : `${host}:${port}`
}

/** Tells whether only programs on this machine can reach an address. */
export function isLoopback({ host }: ListenAddress): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}
