/** Exported by a module of its own, with state beside it: it goes by reference. */
let calls = 0

export default function counted(x: number): [result: number, call: number] {
  return [x * 2, ++calls]
}
