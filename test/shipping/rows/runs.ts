// Functions that code made each time it ran: some share its variables, some have variables of their own.
import { about, ships, stays } from './row.js'

about('Functions')
function counter(): () => number {
  let n = 0
  return () => ++n
}
const first = counter()
const second = counter()
ships('two counters from one function count for themselves', () => [first(), first(), second()], [1, 2, 1])
const inArray = [counter(), counter()] as const
ships('counters from one function, in an array', () => [inArray[0](), inArray[0](), inArray[1]()], [1, 2, 1])
const inObject = { a: counter(), b: counter() }
ships('counters from one function, in an object', () => [inObject.a(), inObject.a(), inObject.b()], [1, 2, 1])
const perRound: (() => number)[] = []
for (const start of [0, 0]) {
  let n = start
  perRound.push(() => ++n)
}
ships('counters of the rounds of a loop', () => perRound.map(next => next() + next()), [3, 3])
function once<T>(make: () => T): () => T | undefined {
  let isDone = false
  let result: T | undefined
  return () => {
    if (!isDone) result = make()
    isDone = true
    return result
  }
}
const one = once(() => 'one')
const two = once(() => 'two')
ships('functions that remember', () => [one(), two(), one(), two()], ['one', 'two', 'one', 'two'])
function stateOf(value: number): [get: () => number, set: (next: number) => void] {
  return [
    () => value,
    next => {
      value = next
    },
  ]
}
const [getWidth, setWidth] = stateOf(1)
const [getHeight, setHeight] = stateOf(1)
const setBoth = (n: number) => {
  setWidth(n)
  setHeight(n + 1)
}
ships('pairs that share a variable, taken apart, and met by different ways', () => {
  setBoth(5)
  setWidth(getWidth() + 10)
  return [getWidth(), getHeight()]
}, [15, 6])
function counting(double: (n: number) => number) {
  let calls = 0
  const counted = (n: number) => {
    calls++
    return double(n)
  }
  return Object.assign(counted, { calls: () => calls })
}
const counted = counting(n => n * 2)
const other = counting(n => n * 2)
ships(
  'a function and the functions among its properties',
  () => [counted(1), counted(2), other(3), counted.calls(), other.calls()],
  [2, 4, 6, 2, 1],
)
function setting() {
  let value = 1
  return {
    inside: { get: () => value },
    set: (next: number) => {
      value = next
    },
  }
}
const settings = [setting(), setting()] as const
ships('functions in different parts of one object', () => {
  settings[0].set(4)
  return settings.map(({ inside }) => inside.get())
}, [4, 1])

about('Not sent')
const heard: ((what: string) => void)[] = []
function listen(): () => string | undefined {
  let last: string | undefined
  heard.push(what => {
    last = what
  })
  return () => last
}
const lastHeard = listen()
stays(
  'functions in different places of which nobody can tell whether they share a variable',
  function hear() {
    for (const hearing of heard) hearing('x')
    return lastHeard()
  },
  'ctx.process(hear): `hear` uses `heard[0]`, which uses `last`, which may be the `last` of another function in it or one of its own, which cannot be told (FILE:LINE). Send the functions that share it in one object, or keep it in an object that they share.',
)
stays(
  'eval, which may name any variable',
  function work() {
    // biome-ignore lint/security/noGlobalEval: it is what the row is about
    return eval('first()')
  },
  'ctx.process(work): `work` calls `eval`, which may name any variable around it (FILE:LINE). Call `(0, eval)(…)`, which sees global variables alone, or make a function of what it evaluates.',
)
