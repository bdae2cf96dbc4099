import type { AnyNode, Class } from 'acorn'
import type { Script } from '../source/parsed.ts'
import type { Edit } from '../source/rewrite.ts'

/** What of a class is state rather than text, and the changes to its text that leave the state out. */
export interface ClassPlan {
  edits: Edit[]
  /** Instance fields `#x`, in order. */
  privateFields: string[]
  /** Static fields `#x`. */
  staticPrivates: string[]
  derived: boolean
}

/**
 * Evaluating a class runs its static fields and blocks, and making an instance runs its
 * constructor: neither may happen a second time on the other side. Static state is therefore
 * cut out and restored; with `restores` the class can also make an instance without running
 * any of the user's code, the only way to give an object its private fields.
 */
export function planClass(node: AnyNode, restores: boolean): ClassPlan {
  const plan: ClassPlan = { edits: [], privateFields: [], staticPrivates: [], derived: false }
  if (node.type !== 'ClassDeclaration' && node.type !== 'ClassExpression') return plan
  const { superClass, body } = node
  plan.derived = superClass != null && !(superClass.type === 'Literal' && superClass.value === null)
  if (superClass && plan.derived)
    plan.edits.push({ start: superClass.start, end: superClass.end, text: ' $zp_parent ' })
  for (const member of body.body) {
    if (member.type === 'StaticBlock') plan.edits.push({ start: member.start, end: member.end, text: ';' })
    if (member.type !== 'PropertyDefinition') continue
    const hidden = member.key.type === 'PrivateIdentifier' ? `#${member.key.name}` : undefined
    if (member.static && hidden === undefined) {
      plan.edits.push({ start: member.start, end: member.end, text: ';' })
    } else if (member.static && hidden !== undefined) {
      plan.staticPrivates.push(hidden)
      plan.edits.push({ start: member.start, end: member.end, text: `static ${hidden};` })
    } else {
      if (hidden !== undefined) plan.privateFields.push(hidden)
      if (restores && member.value) {
        plan.edits.push({
          start: member.value.start,
          end: member.value.start,
          text: '$zp_restoring.on ? undefined : (',
        })
        plan.edits.push({ start: member.value.end, end: member.value.end, text: ')' })
      }
    }
  }
  if (plan.staticPrivates.length) plan.edits.push(assigner(body.start, plan.staticPrivates))
  if (restores)
    plan.edits.push(restorer(body.start, plan.privateFields), ...constructorEdit(node, plan.derived))
  return plan
}

/** Called once, when the values are there: they may be instances of the class. */
function assigner(start: number, fields: string[]): Edit {
  const assignments = fields.map(name => `this.${name} = $zp_values[${JSON.stringify(name)}];`)
  return {
    start: start + 1,
    end: start + 1,
    text: `static $zp_assign($zp_values) { ${assignments.join(' ')} } `,
  }
}

function restorer(start: number, fields: string[]): Edit {
  const assignments = fields.map(name => `$zp_object.${name} = $zp_values[${JSON.stringify(name)}];`)
  return {
    start: start + 1,
    end: start + 1,
    text: `static $zp_restore($zp_object, $zp_values) { ${assignments.join(' ')} } `,
  }
}

/** The constructor returns at once while an instance is restored. */
function constructorEdit(node: Class, derived: boolean): Edit[] {
  for (const member of node.body.body) {
    if (member.type !== 'MethodDefinition' || member.kind !== 'constructor') continue
    const at = member.value.body.start + 1
    const text = derived
      ? ' if ($zp_restoring.on) { super(...$zp_restoring.anything); return } '
      : ' if ($zp_restoring.on) return; '
    return [{ start: at, end: at, text }]
  }
  return []
}

/** Which members of a class, or of its prototype, come with its text: methods and accessors that nobody has replaced. */
export function methodsIn(
  node: AnyNode,
  script: Script,
  owner: object,
  isStatic: boolean,
): (key: string | symbol) => boolean {
  /** By kind and name: a getter and a setter of one name are two members. */
  const texts = new Map<string, string>()
  const names = new Set<string>()
  let computed = false
  for (const member of node.type === 'ClassDeclaration' || node.type === 'ClassExpression'
    ? node.body.body
    : []) {
    if (member.type !== 'MethodDefinition' || member.static !== isStatic) continue
    const { key, kind } = member
    if (member.computed) computed = true
    else if (key.type === 'Identifier' || key.type === 'Literal') {
      const name = key.type === 'Identifier' ? key.name : String(key.value)
      names.add(name)
      texts.set(`${kind} ${name}`, textOf(member, script))
    }
  }
  return key => {
    const { value, get, set, enumerable } = Object.getOwnPropertyDescriptor(owner, key) ?? {}
    if (typeof key !== 'string' || !names.has(key))
      return computed && typeof (value ?? get ?? set) === 'function'
    const isWritten = (kind: string, fn: unknown) => {
      const text = typeof fn === 'function' ? Function.prototype.toString.call(fn) : fn
      return text === texts.get(`${kind} ${key}`)
    }
    if (enumerable) return false
    return get || set ? isWritten('get', get) && isWritten('set', set) : isWritten('method', value)
  }
}

function textOf(member: AnyNode, { source }: Script): string {
  return source.slice(member.start, member.end).replace(/^static\s+/, '')
}
