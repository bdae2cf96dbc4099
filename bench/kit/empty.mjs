process.send?.(performance.timeOrigin + performance.now())
