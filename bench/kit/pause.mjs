// What piscina runs: it needs a file.
export default ms => new Promise(resolve => setTimeout(resolve, ms, ms))
