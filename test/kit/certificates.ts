import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestContext } from 'node:test'

/** Makes a certificate for this machine that nobody vouches for but itself: the paths of it and of its key. */
export function certificate(t: TestContext): { cert: string; key: string } {
  const directory = mkdtempSync(join(tmpdir(), 'zproc-certificate-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  const [cert, key] = ['cert.pem', 'key.pem'].map(file => join(directory, file)) as [string, string]
  const kind = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const names = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1,DNS:localhost']
  execFileSync('openssl', ['req', ...kind, ...names, '-keyout', key, '-out', cert], { stdio: 'pipe' })
  return { cert, key }
}
