const LONGEST = 60

/** A value in a few words, for error messages: `a function`, `a Promise`, `an instance of Foo`, `'text…'`, `42`. */
export function describe(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return quote(value)
    case 'number':
      return Object.is(value, -0) ? '-0' : String(value)
    case 'bigint':
      return `${value}n`
    case 'symbol':
      return 'a symbol'
    case 'function':
      return /^class\b/.test(Function.prototype.toString.call(value)) ? 'a class' : 'a function'
    case 'object':
      return value === null ? 'null' : describeObject(value)
    default:
      return String(value)
  }
}

export function quote(text: string): string {
  const short = text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text
  return `'${JSON.stringify(short).slice(1, -1).replaceAll('\\"', '"').replaceAll("'", "\\'")}'`
}

function describeObject(value: object): string {
  const name = className(value)
  if (Array.isArray(value) && name === 'Array') return `an array of ${value.length}`
  if (name === 'Promise') return 'a Promise'
  if (name !== 'Object') return `an instance of ${name || 'an unnamed class'}`
  return isPlain(value) ? 'an object' : 'an object with a prototype of its own'
}

/** The name of the class that an object says it is of. Nothing that the object does can make this throw. */
export function className(value: object): string {
  try {
    const prototype = Object.getPrototypeOf(value)
    if (prototype === null) return 'Object'
    const { constructor: made, [Symbol.toStringTag]: tag } = prototype
    if (typeof made === 'function') return String(made.name)
    return typeof tag === 'string' ? tag : ''
  } catch {
    return ''
  }
}

function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value)
  return prototype === null || Object.getPrototypeOf(prototype) === null
}
