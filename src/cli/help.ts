export const help = `Usage: zproc <command>

Commands:
  serve <address>            a server that this command looks after
  log verify|dump|repair     of the data folder of a server
  backup                     copies the data folder of a server, which may be running
  restore                    makes a data folder of a backup, as it was at a revision or a time
  worker <address>           workers for the maps of other programs: ctx.processMap(fn, items, { pool: 'shared' })

'zproc <command> --help' says more.`

export const workerHelp = `Usage: zproc worker <address> [options]

Joins the pool of a namespace: programs that map with { pool: 'shared' } there use these workers. Ctrl-C ends them; what
they had in hand is given to others.

  <address>                  of a zproc server (tcp://host:port, ipc://path), or of Redis or Valkey (redis://host:port, …)

Options:
  --count <n>                how many workers; default: what the machine runs in parallel
  --namespace <name>         default: default
  --secret-key-file <file>   holds the server's secretKey; white space around it does not matter
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
  --secret-key-file <file>   holds the secretKey; white space around it does not matter
  --insecure                 listen without a key where other machines can reach it
  --restart                  start the server again when it ends by itself
  --json                     a JSON object on each line of stderr
  -h, --help                 this text`
