// What the other pools run: they need a file.
export default task => (Array.isArray(task) ? task.map(x => x * x) : task * task)
