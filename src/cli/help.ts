export const help = `Usage: zproc <command>

Commands:
  worker <address>   workers for the maps of other programs: ctx.processMap(fn, items, { pool: 'shared' })

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
