/** Carries out work of pieces at once; between them it calls `between`. */
export function finished<T>(work: Generator<void, T>, between = () => {}): T {
  for (let next = work.next(); ; next = work.next()) {
    if (next.done) return next.value
    between()
  }
}
