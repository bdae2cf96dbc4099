export const help = `Usage: zproc <command>

Of servers that run:
  ls                         the servers of this user
  status [<address>]         what a server is doing, and what is stuck
  top [<address>]            the same, again and again
  inspect [<address>]        the same and the state, as a page in the browser
  tree [<address>]           the programs that use it, and their processes
  ping <address>             whether a server answers
  stop <address>             ends a server
  kill <address> <process>   ends a process of a Context
  bench [<address>]          how fast a server is

Of the state in a server, or in Redis:
  get <address> <key>        a value
  set <address> <key> <json> puts a value
  delete <address> <key>     deletes a key
  keys <address>             all keys
  copy <address>             the whole state
  watch <address> [<key>…]   each update from now on, with its author
  history <address>          the commits that are kept
  at <address> <revision>    the state as it was
  diff <address> <revision>  what differs since

To run and keep servers:
  serve <address>            a server that this command looks after
  log verify|dump|repair     of the data folder of a server
  backup                     copies the data folder of a server, which may be running
  restore                    makes a data folder of a backup, as it was at a revision or a time
  worker <address>           workers for the maps of other programs: ctx.processMap(fn, items, { pool: 'shared' })

Besides:
  completion bash|zsh|fish   what a shell reads to complete command lines

An <address> is ipc://path, tcp://host:port, the name that Context.join is given, or where a state is meant redis://host:port.
Exit codes: 0 done; 1 it cannot be done; 2 wrong arguments; 3 get, at, delete: no such key; 4 status: something is stuck.
'zproc <command> --help' says more.`

const ADDRESS = `  <address>                  ipc://path, tcp://host:port, or the name that Context.join is given`
const STATE_ADDRESS = `${ADDRESS},
                             or of Redis or Valkey: redis://host:port, …`

const COMMON = `  --project                  the name is one of the project of this folder: see Context.join
  --key-file <file>          holds the secretKey; default: the environment variable ZPROC_SECRET_KEY
  --json                     output for programs
  -h, --help                 this text`
const NAMESPACE = `  --namespace <name>         default: default
${COMMON}`
const WRITE = `  --write                    it is meant: without it nothing is changed
${NAMESPACE}`

export const lsHelp = `Usage: zproc ls [options]

Lists the servers of this user that listen in the directory for sockets that only the user can enter: named ones, and those that
Contexts have started. Servers at addresses of their own are not found.

  IS                         running; hung: in a function that does not end; locked: it has another key; silent: no answer

Options:
  --key-file <file>          holds the secretKey; default: the environment variable ZPROC_SECRET_KEY
  --json                     output for programs
  -h, --help                 this text`

export const statusHelp = `Usage: zproc status [<address>] [options]

Shows what a server is doing: namespaces, clients, processes, workers, maps, readers, locks, atomic functions; and first, in words, what is stuck. Ends with 4
if anything is, or the server does not answer: for how long, and on the server's machine also in which function it hangs.

${ADDRESS};
                             default: the server of this user, if there is only one

Options:
${COMMON}`

export const topHelp = `Usage: zproc top [<address>] [options]

Shows what 'zproc status' does, again and again until Ctrl-C, with rates.

${ADDRESS};
                             default: the server of this user, if there is only one

Options:
  --interval <ms>            default: 1000
  --count <n>                so many times; default: until Ctrl-C
${COMMON}`

export const inspectHelp = `Usage: zproc inspect [<address>] [options]

Serves a page on 127.0.0.1 that shows what a server is doing and its states: live, and as they were; and opens it. The URL has a
secret in it, without which nothing is shown. Until Ctrl-C.

${STATE_ADDRESS};
                             default: the server of this user, if there is only one

Options:
  --port <n>                 default: one that is free
  --write                    the page can set and delete keys
  --no-open                  prints the URL and opens nothing
  --redact <key>[,<key>…]    values that are not shown; * and ? stand for any text, any character
  --redact-with <module>     its default export (key, value, namespace) gives what is shown in place of a value
${NAMESPACE}`

export const treeHelp = `Usage: zproc tree [<address>] [options]

Shows the programs that use a server, and below each the processes, pools, workers and maps of its Contexts.

${ADDRESS};
                             default: the server of this user, if there is only one

Options:
${COMMON}`

export const getHelp = `Usage: zproc get <address> <key> [options]

Prints the value of a key. Ends with 3 if there is none.

${STATE_ADDRESS}

Options:
${NAMESPACE}`

export const setHelp = `Usage: zproc set <address> <key> <value> --write [options]

Puts a value, which is JSON: 5, true, '"a text"', '{"n": 5}'.

${STATE_ADDRESS}

Options:
  --ttl <ms>                 the key is deleted after so many milliseconds
${WRITE}`

export const deleteHelp = `Usage: zproc delete <address> <key> --write [options]

Deletes a key. Ends with 3 if it was not there.

${STATE_ADDRESS}

Options:
${WRITE}`

export const keysHelp = `Usage: zproc keys <address> [options]

Prints all keys, one a line, in the order in which they were put.

${STATE_ADDRESS}

Options:
${NAMESPACE}`

export const copyHelp = `Usage: zproc copy <address> [options]

Prints the whole state.

${STATE_ADDRESS}

Options:
${NAMESPACE}`

export const watchHelp = `Usage: zproc watch <address> [<key>…] [options]

Prints each update from now on, until Ctrl-C: its revision, time, author and method, and each key that it changed. With keys only
updates that change one of them. With --json an object a line.

${STATE_ADDRESS}

Options:
  --count <n>                so many updates; default: until Ctrl-C
${NAMESPACE}`

export const historyHelp = `Usage: zproc history <address> [options]

Prints the commits that the server keeps, the newest first, as 'zproc watch' does.

${STATE_ADDRESS}

Options:
  --key <key>                only commits that wrote this key
  --from <n>, --to <n>       only revisions from n, up to n
  --limit <n>                so many commits; default: 50
  --oldest                   the oldest first
${NAMESPACE}`

export const atHelp = `Usage: zproc at <address> <revision> [<key>] [options]

Prints the state, or the value of a key, as it was.

${STATE_ADDRESS}
  <revision>                 or a time: 2026-01-31T12:00:00Z

Options:
${NAMESPACE}`

export const diffHelp = `Usage: zproc diff <address> <revision> [<revision>] [options]

Prints the keys that differ between two revisions, or since one, with both values.

${STATE_ADDRESS}
  <revision>                 or a time: 2026-01-31T12:00:00Z

Options:
${NAMESPACE}`

export const pingHelp = `Usage: zproc ping <address> [options]

Prints the pid of the server and how long it took to connect and to get an answer. Ends with 1 if there is none.

${STATE_ADDRESS}

Options:
  --timeout <ms>             default: 5000
${COMMON}`

export const stopHelp = `Usage: zproc stop <address> --write [options]

Ends a server that has a process of its own on this machine, and waits until it has ended. One that is part of a program ends with
that program.

${ADDRESS}

Options:
  --write                    it is meant: without it nothing is done
  --force                    by SIGKILL: for a server that hangs
${COMMON}`

export const killHelp = `Usage: zproc kill <address> <process> --write [options]

Ends a process, or a worker, that a Context of this server has started, as 'process.stop' does, and waits until it has ended. A worker
is replaced while there is work. Where the program that started it does not answer, it is ended by SIGKILL, if it is on this machine
and still a child of that program (on Linux). A pid that no Context of the server has is refused.

${ADDRESS}
  <process>                  its name, 'worker 3' for a worker, or its pid

Options:
  --write                    it is meant: without it nothing is done
${COMMON}`

export const benchHelp = `Usage: zproc bench [<address>] [options]

Measures how fast a server is, from this process: sets that are awaited, sets that are not, and a set until another client has it. It
does so in a namespace of its own, which is empty again at the end, but costs the others of that server time, and fills its log.

${STATE_ADDRESS};
                             default: a server of its own

Options:
  --ms <n>                   milliseconds of each measurement; default: 1000
  --write                    it is meant: needed with an address
${COMMON}`

export const completionHelp = `Usage: zproc completion bash|zsh|fish

Prints what a shell reads to complete command lines of zproc.

  bash                       in ~/.bashrc: eval "$(zproc completion bash)"
  zsh                        in ~/.zshrc, after compinit: source <(zproc completion zsh)
  fish                       zproc completion fish > ~/.config/fish/completions/zproc.fish

Options:
  -h, --help                 this text`

export const workerHelp = `Usage: zproc worker <address> [options]

Joins the pool of a namespace: programs that map with { pool: 'shared' } there use these workers. Ctrl-C ends them; what
they had in hand is given to others.

${STATE_ADDRESS}

Options:
  --count <n>                how many workers; default: what the machine runs in parallel
  --namespace <name>         default: default
  --project                  the name is one of the project of this folder: see Context.join
  --key-file <file>          holds the server's secretKey; default: the environment variable ZPROC_SECRET_KEY
  -h, --help                 this text`

export const logHelp = `Usage: zproc log verify|dump|repair --data <folder> [options]

Of a data folder that no server has open. To look at the log of a running server, make a backup and look at that.

  verify                     reads everything and lists all damage; ends with 1 if there is any
  dump                       prints the commits that are kept, one a line: namespace, revision, time, author, method, changes
  repair                     begins another log with what can be read of a damaged one; the damaged files are kept

Options:
  --data <folder>            the server's data folder
  --namespace <name>         dump: only the commits of this namespace; default: all
  --from <n>, --to <n>       dump: only revisions from n, up to n
  -h, --help                 this text`

export const backupHelp = `Usage: zproc backup --data <folder> --to <folder>

Copies all that was committed when it began. The server may be running. Of the copy, 'zproc restore' makes a data folder.

Options:
  --data <folder>            the server's data folder
  --to <folder>              an empty folder, or one that is not there
  -h, --help                 this text`

export const restoreHelp = `Usage: zproc restore --data <folder> --to <folder> [options]

Makes a data folder of a backup, or of a data folder that no server has open. It begins a log of its own: clients that knew
the other one begin anew.

Options:
  --data <folder>            the backup
  --to <folder>              an empty folder, or one that is not there
  --revision <n>             all namespaces as they were when commit n was the newest of one of them
  --namespace <name>         of which one; default: default
  --time <time>              as they were then: 2026-01-31T12:00:00Z, or milliseconds since 1970
  -h, --help                 this text`

export const serveHelp = `Usage: zproc serve <address> [options]

Runs a server until SIGTERM or Ctrl-C, and writes to stderr what happens.

  <address>                  ipc://path, tcp://host:port, or the name that Context.join is given

Options:
  --project                  the name is one of the project of this folder: see Context.join
  --data <folder>            keeps all namespaces there
  --durability <d>           commit (default), none, or milliseconds: synced at least so often
  --keep-revisions <n>, --keep-bytes <n>, --keep-time <ms>
                             how far back the folder goes
  --key-file <file>          holds the secretKey; default: the environment variable ZPROC_SECRET_KEY
  --insecure                 listen without a key where other machines can reach it
  --restart                  start the server again when it ends by itself
  --metrics [<host>:]<port>  serves metrics for Prometheus at http://host:port/metrics; host: by default 127.0.0.1
  --metrics-token-file <f>   holds a token that whoever reads them sends as 'Authorization: Bearer'; needed off this machine
  --json                     a JSON object on each line of stderr
  -h, --help                 this text`
