import { type InspectOptionsStylized, inspect } from 'node:util'

/** What `util.inspect` and `console.log` show of an object, by its method of the name `SHOWN`. */
export const SHOWN: typeof inspect.custom = inspect.custom

/** An address as it may be shown. */
export const withoutPassword = (address: string): string => address.replace(/\/\/[^@/?]*@/, '//***@')

/** The fields of an object under the name of its class, without passwords in addresses. Fields that are undefined are left out. */
export function shown(
  name: string,
  fields: Record<string, unknown>,
  depth: number,
  options: InspectOptionsStylized,
): string {
  if (depth < 0) return options.stylize(`[${name}]`, 'special')
  const said = Object.entries(fields).flatMap(([field, value]) =>
    value === undefined ? [] : [[field, typeof value === 'string' ? withoutPassword(value) : value]],
  )
  return `${name} ${inspect(Object.fromEntries(said), options)}`
}
