import { completionHelp, help } from './help.ts'
import { type CommandName, isPath, options, wordsOf } from './options.ts'
import { noMore, parse, wrong } from './parse.ts'

const shells = { bash, zsh, fish }

/** `zproc completion`: what a shell is to read so that it completes command lines of zproc. */
export async function completion(args: string[]): Promise<number> {
  const { values, positionals } = parse('completion', args, options.completion)
  if (values.help) {
    console.log(completionHelp)
    return 0
  }
  const [shell, ...others] = positionals
  if (shell !== 'bash' && shell !== 'zsh' && shell !== 'fish')
    throw wrong('completion', `bash, zsh or fish, got ${shell === undefined ? 'nothing' : `'${shell}'`}`)
  noMore('completion', others)
  console.log(shells[shell]())
  return 0
}

interface Option {
  flag: string
  takes: 'nothing' | 'a path' | 'a value'
}

const names = Object.keys(options) as CommandName[]

const optionsOf = (name: CommandName): Option[] =>
  Object.entries(options[name]).map(([option, { type }]) => ({
    flag: `--${option}`,
    takes: type === 'boolean' ? 'nothing' : isPath(name, option) ? 'a path' : 'a value',
  }))

/** What a command does, as the help says; its text begins in the same column on each line. */
function summaryOf(name: CommandName): string {
  const line = help.split('\n').find(one => one.startsWith(`  ${name} `) || one.startsWith(`  ${name}|`))
  return (line ?? '').slice(help.split('\n')[3]?.indexOf('the servers')).trim()
}

function bash(): string {
  const arms = names.map(name => {
    const all = optionsOf(name)
    const flags = (takes: Option['takes']) => all.filter(one => one.takes === takes).map(({ flag }) => flag)
    const words = [...all.map(({ flag }) => flag), ...(wordsOf[name] ?? [])]
    return `    ${name}) words="${words.join(' ')}" paths="${flags('a path').join(' ')}" values="${flags('a value').join(' ')}" ;;`
  })
  return `# bash completion of zproc: eval "$(zproc completion bash)"
_zproc() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local words="" paths="" values="" IFS=$' \\t\\n'
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${[...names, 'help'].join(' ')}" -- "$current"))
    return
  fi
  case "\${COMP_WORDS[1]}" in
${arms.join('\n')}
  esac
  case " $paths " in
    *" $previous "*)
      IFS=$'\\n'
      COMPREPLY=($(compgen -f -- "$current"))
      # bash 3 has none.
      compopt -o filenames 2> /dev/null || :
      return ;;
  esac
  case " $values " in *" $previous "*) return ;; esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -F _zproc zproc`
}

function zsh(): string {
  const kinds = { nothing: '', 'a path': ':file:_files', 'a value': ':value: ' }
  const arms = names.map(name => {
    const all = optionsOf(name).map(({ flag, takes }) => `'${flag}${kinds[takes]}'`)
    const words = wordsOf[name] ? `1:what:(${wordsOf[name].join(' ')})` : '*:argument:( )'
    return `    ${name}) _arguments ${all.join(' ')} '${words}' ;;`
  })
  return `#compdef zproc
# zsh completion of zproc: a file _zproc in a folder of $fpath, or source <(zproc completion zsh)
_zproc() {
  local -a commands
  commands=(
${names.map(name => `    '${name}:${summaryOf(name).replaceAll("'", "'\\''").replaceAll(':', '\\:')}'`).join('\n')}
  )
  if (( CURRENT == 2 )); then
    _describe command commands
    return
  fi
  local command=$words[2]
  shift words
  (( CURRENT-- ))
  case $command in
${arms.join('\n')}
  esac
}
if [ "$funcstack[1]" = _zproc ]; then _zproc "$@"; else compdef _zproc zproc; fi`
}

function fish(): string {
  const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`
  const kinds = { nothing: '', 'a path': ' -r -F', 'a value': ' -x' }
  const lines = names.flatMap(name => [
    `complete -c zproc -n __fish_use_subcommand -a ${name} -d ${quoted(summaryOf(name))}`,
    ...(wordsOf[name]
      ? [`complete -c zproc -n '__fish_seen_subcommand_from ${name}' -a ${quoted(wordsOf[name].join(' '))}`]
      : []),
    ...optionsOf(name).map(
      ({ flag, takes }) =>
        `complete -c zproc -n '__fish_seen_subcommand_from ${name}' -l ${flag.slice(2)}${kinds[takes]}`,
    ),
  ])
  return [
    '# fish completion of zproc: zproc completion fish | source',
    'complete -c zproc -f',
    ...lines,
  ].join('\n')
}
