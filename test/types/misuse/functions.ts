import { ping, startServer } from 'zproc'

// TS2554: ping of nobody
await ping()

// TS2322: ping may end without a pid
const pid: number = await ping('ipc:///tmp/shop')

// TS2322: a backend that does not exist
await startServer(null, { backend: 'fork' })

// TS2345: an address is text
await startServer(5000)

// TS2561: an option that does not exist
await startServer(null, { secretkey: 'x' })

// TS2322: a limit is a number
await startServer(null, { maxMessageBytes: '64 MB' })

const server = await startServer()

// TS2540: the address of a server is given once
server.address = 'tcp://127.0.0.1:5000'
