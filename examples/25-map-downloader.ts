// Downloads pages and counts their words: once with a process for each page, once with a map over two workers.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Context } from 'zproc'

const server = createServer((request, response) => {
  const page = Number(request.url?.slice(1))
  setTimeout(() => response.end('word '.repeat(page)), 20)
}).listen(0, '127.0.0.1')
await new Promise(resolve => server.once('listening', resolve))
const { port } = server.address() as AddressInfo
const urls = Array.from({ length: 12 }, (_, i) => `http://127.0.0.1:${port}/${i + 1}`)

async function countWords(url: string) {
  const response = await fetch(url)
  const text = await response.text()
  return text.trim().split(' ').length
}

const say = (how: string, counts: number[], began: number) => {
  console.log(`${how}: ${counts.join(' ')}`)
  console.log(`  in ${Date.now() - began} ms`)
}

const ctx = new Context()

const began = Date.now()
const processes = urls.map(url => ctx.process(countWords, { stateful: false, args: [url] }))
say('a process for each', await Promise.all(processes.map(process => process.wait())), began)

const mapBegan = Date.now()
say('a map', await ctx.processMap(countWords, urls, { count: 2, chunkSize: 1 }).toArray(), mapBegan)

await ctx.close()
server.close()
