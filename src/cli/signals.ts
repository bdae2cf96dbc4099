/** Calls `act` when the command is to end: at Ctrl-C, at SIGTERM, and when its terminal is gone. */
export function onSignals(act: (signal: NodeJS.Signals) => void): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, act)
}
