import { spawn } from 'node:child_process'

/** Opens a URL in the browser of the user. Resolves with whether there is a program that does. */
export function openBrowser(url: string): Promise<boolean> {
  const opener = openerOf(url)
  if (!opener) return Promise.resolve(false)
  return new Promise(resolve => {
    const child = spawn(opener.program, opener.args, { stdio: 'ignore', detached: true, windowsHide: true })
    child.on('error', () => resolve(false))
    child.on('spawn', () => resolve(true))
    // It goes on without this process.
    child.unref()
  })
}

function openerOf(url: string): { program: string; args: string[] } | undefined {
  if (process.platform === 'darwin') return { program: 'open', args: [url] }
  // The first argument of `start` would be the title of a window.
  if (process.platform === 'win32') return { program: 'cmd', args: ['/c', 'start', '', url] }
  const { DISPLAY, WAYLAND_DISPLAY, WSL_DISTRO_NAME } = process.env
  // Without a screen a browser in the terminal would be started.
  return DISPLAY || WAYLAND_DISPLAY || WSL_DISTRO_NAME ? { program: 'xdg-open', args: [url] } : undefined
}
