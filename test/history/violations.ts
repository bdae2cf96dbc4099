/** The ways in which a history can be wrong. */
export type Wrong =
  // the log
  | 'broken log'
  | 'lost write'
  | 'repeated write'
  | 'reordered writes'
  | 'refused write in the log'
  | 'unknown write'
  | 'wrong effect'
  | 'wrong result'
  // calls
  | 'not linearizable'
  | 'stale read'
  | 'early read'
  | 'torn snapshot'
  | 'unexpected error'
  // watching
  | 'lost update'
  | 'repeated update'
  | 'reordered updates'
  | 'own write'
  | 'wrong update'
  | 'wrong gap'
  | 'went back'
  | 'stale view'
  | 'wrong end'
  // everything
  | 'stuck'

export interface Violation {
  wrong: Wrong
  message: string
}

/** Where checks put what they find. */
export type Found = (wrong: Wrong, message: string) => void
