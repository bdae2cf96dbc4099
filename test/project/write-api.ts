// `npm run docs`: writes docs/api.md from the TSDoc comments of src/.
import { writeFileSync } from 'node:fs'
import { readApi } from './api.ts'
import { apiPage } from './api-page.ts'

writeFileSync('docs/api.md', apiPage(readApi()))
