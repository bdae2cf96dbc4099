/** The same home by another name of its address: States at different ones do not share a connection. */
export function elsewhere(address: string): string {
  return address.startsWith('ipc:///')
    ? address.replace('ipc:///', 'ipc:////')
    : address.replaceAll('127.0.0.1:', 'localhost:')
}
