/**
 * The guard's program, for any POSIX shell. While its owner lives it reads lines: `+c<pid>` a child, `+s<pid>` one
 * to be ended last, `+f<path>` a file to be removed, and the same with `-` to forget it. After the last line: SIGTERM,
 * a short while to end, SIGKILL, then the last ones; then `sweep`, a command, gets the
 * files of sockets that are still there, or are locked. Each nap is a process: few of them, for machines that are busy.
 */
export const guardScript = (sweep: readonly string[], directory: string): string => `
trap '' INT TERM HUP QUIT PIPE TSTP TTIN TTOU
children=' ' last=' '
nap() { sleep "$1" 2>/dev/null || sleep 1; }
alive() { for pid in $1; do kill -0 "$pid" 2>/dev/null && return 0; done; return 1; }
finish() {
  for pid in $1; do kill -TERM "$pid" 2>/dev/null; kill -CONT "$pid" 2>/dev/null; done
  for time in 0.01 0.02 0.04 0.07 0.08; do alive "$1" && nap $time; done
  for pid in $1; do kill -KILL "$pid" 2>/dev/null; done
}
without() { case "$1" in *" $2 "*) rest="\${1%% $2 *} \${1#* $2 }" ;; *) rest=$1 ;; esac; }
while IFS= read -r line; do
  what=\${line#??}
  case $line in
    +c*) children="$children$what " ;;
    +s*) last="$last$what " ;;
    -c*) without "$children" "$what"; children=$rest ;;
    -s*) without "$last" "$what"; last=$rest ;;
    +f*) set -- "$@" "$what" ;;
    -f*) n=$#
      while [ $n -gt 0 ]; do
        file=$1; shift; n=$((n - 1))
        [ "$file" = "$what" ] || set -- "$@" "$file"
      done ;;
  esac
done
[ "$children" = ' ' ] || finish "$children"
[ "$last" = ' ' ] || { nap 0.04; finish "$last"; }
n=$#
while [ $n -gt 0 ]; do
  file=$1; shift; n=$((n - 1))
  if [ -e "$file" ] || [ -e "$file~" ]; then set -- "$@" "$file"; fi
done
[ $# -eq 0 ] || { cd ${quoted(directory)} && ${sweep.map(quoted).join(' ')} "$@"; }
`

/** A word for a shell. */
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`
