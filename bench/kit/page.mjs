// What the page of `zproc inspect` asks: the stream, and with each tick the lines that it shows. Prints a line when it gets figures.
const { origin, hash } = new URL(process.argv[2])
const headers = {
  authorization: `Bearer ${hash.slice('#token='.length)}`,
  'content-type': 'application/json',
}
const post = (name, question) =>
  fetch(`${origin}/api/${name}`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ namespace: 'default', ...question }),
  })
const read = async (name, question) => (await post(name, question)).text()

const stream = await post('stream', { namespace: null })
let isShown = false
for await (const part of stream.body) {
  const lines = Buffer.from(part).toString()
  if (!isShown && lines.includes('"samples":[{')) {
    isShown = true
    console.log('shown')
  }
  const revision = Number(/"revision":(\d+)/.exec(lines)?.[1] ?? 0)
  if (!lines.includes('"type":"tick"')) continue
  await read('tree', { revision: null, from: 0, count: 60, filter: '', order: 'put', open: [] })
  if (revision > 0) await read('log', { from: Math.max(1, revision - 60), to: revision })
}
